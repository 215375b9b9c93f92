"""What a sending operator does before it sends: it checks every file, and tells all problems of all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from os import PathLike
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from airflow_provider_ksef._compat import Context, ObjectStoragePath
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.checks.files import check_files
from airflow_provider_ksef.client.checks.finding import TOO_LARGE
from airflow_provider_ksef.client.checks.report import CheckReport
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.invoice_files import InvoicePath
from airflow_provider_ksef.client.invoice_limits import DEFAULT_LIMITS, UNREAD_LIMITS, InvoiceLimits
from airflow_provider_ksef.exceptions import KsefError, KsefInputError
from airflow_provider_ksef.operators.parameters import check_folder, path_of
from airflow_provider_ksef.operators.rejected_files import keep_invalid, refuse_same_folder

log = logging.getLogger(__name__)

REPORT_KEY = "check_report"
"""XCom key of the report when the task fails because of it."""
MAX_PROBLEMS = 100
"""Problems that a report in XCom lists; the others are counted, and the log has all."""
_POLAND = ZoneInfo("Europe/Warsaw")
_UNASKED = replace(DEFAULT_LIMITS, source="KSeF's default, the company's own limit was not asked for")

PathSetting = str | PathLike[str] | ObjectStoragePath | None


class CheckingOperator(Protocol):
    """What an operator has that checks invoices before it sends them."""

    form_code: str
    schema_dir: PathSetting
    allow_self_invoicing: bool
    on_invalid: str
    tables_path: PathSetting
    upo_path: PathSetting
    rejected_path: PathSetting

    def found(self) -> list[InvoicePath]:
        """Find the files that the task names."""


def sendable_invoices(
    context: Context, operator: CheckingOperator, settings: Settings, limits: Callable[[], InvoiceLimits]
) -> CheckReport:
    """
    Find and check the files, and give those that may be sent.

    :param context: Airflow's.
    :param operator: says which files, and what becomes of those that are wrong.
    :param settings: in whose name they are sent.
    :param limits: asks for the company's, once the files are found.
    :raises KsefInputError: where nothing may be sent.
    """
    found = operator.found()
    report = check_invoices(operator, settings, found, limits)
    require_sendable(context, operator, report, found)
    log.info("%d invoices are ready to be sent.", len(report.files))
    return report


def check_invoices(
    operator: CheckingOperator,
    settings: Settings,
    found: Sequence[InvoicePath],
    limits: Callable[[], InvoiceLimits],
) -> CheckReport:
    """
    Hold the files against all rules, and log every problem.

    :param operator: says which form they are of, and where its schema lies.
    :param settings: in whose name they are sent.
    :param found: the files.
    :param limits: asks for the company's, once it depends on them what may be sent.
    :raises KsefInputError: where the rules are wrong: an unknown form, a folder without its schema; where
        what is told of the files could not be kept; or where the company's sessions hold no invoice.
    :raises KsefError: where files are too large by KSeF's defaults, and the company's limits unknown.
    """
    for field in ("tables_path", "upo_path", "rejected_path"):
        if (named := getattr(operator, field)) is not None:
            check_folder(field, named)
    if operator.rejected_path is not None:
        refuse_same_folder(path_of("rejected_path", operator.rejected_path), found)
    rules = CheckRules(
        form_code=operator.form_code,
        context=settings.context,
        allow_self_invoicing=operator.allow_self_invoicing,
        today=datetime.now(_POLAND).date(),
        schema_dir=None if operator.schema_dir is None else path_of("schema_dir", operator.schema_dir),
        limits=_UNASKED,
    )
    report = check_files(found, rules)
    if not _is_refused_anyway(operator, report):
        report = _by_own_limits(report, found, rules, _with_room(limits(), found))
    for problem in report.problems:
        log.warning("%s %s", problem, problem.remedy)
    return report


def _is_refused_anyway(operator: CheckingOperator, report: CheckReport) -> bool:
    """Whether nothing is sent, however large invoices may be: then KSeF need not be asked."""
    others = [problem for problem in report.problems if problem.rule != TOO_LARGE]
    is_all = not report.files and len(others) == len(report.problems)
    return bool(others) and (operator.on_invalid == "fail" or is_all)


def _by_own_limits(
    report: CheckReport, found: Sequence[InvoicePath], rules: CheckRules, own: InvoiceLimits
) -> CheckReport:
    too_large = sum(problem.rule == TOO_LARGE for problem in report.problems)
    if too_large and own == UNREAD_LIMITS:
        raise KsefError(
            f"{too_large} invoices are larger than KSeF takes by default, and the company's own limits "
            "could not be read.",
            "Nothing was sent. Run the task again, or mend what KSeF answers to GET /limits/context.",
        )
    if not too_large and own.is_as_large_as(rules.limits):
        return report
    return check_files(found, replace(rules, limits=own))


def _with_room(limits: InvoiceLimits, found: Sequence[InvoicePath]) -> InvoiceLimits:
    if limits.max_invoices < 1:
        raise KsefInputError(
            "invoices",
            f"{len(found)} files",
            f"a session holds {limits.max_invoices} invoices ({limits.source})",
            "Nothing was sent. Have the company's limits raised, or send in the other kind of session.",
        )
    return limits


def require_sendable(
    context: Context, operator: CheckingOperator, report: CheckReport, found: Sequence[InvoicePath]
) -> None:
    """
    Fail where a file is wrong, or leave it out where the operator says so.

    :param context: Airflow's; the report is pushed under :data:`REPORT_KEY`.
    :param operator: ``on_invalid`` is ``fail`` or ``skip``; what is left out goes to its ``rejected_path``.
    :param report: of the checks.
    :param found: the files that were checked.
    :raises KsefInputError: names the first few problems.
    """
    if not report.problems:
        return
    context["ti"].xcom_push(key=REPORT_KEY, value=report_in_short(report))
    if operator.on_invalid == "fail" or not report.files:
        report.require_valid()
    log.warning("%d files are wrong and are left out.", report.invalid_count)
    if operator.rejected_path is not None:
        keep_invalid(path_of("rejected_path", operator.rejected_path), report, found)


def report_in_short(report: CheckReport) -> dict[str, Any]:
    """Give the report as XCom may hold it."""
    told = report.to_json()
    return {**told, "problems": told["problems"][:MAX_PROBLEMS]}


def dry_run_result(
    context: Context, operator: CheckingOperator, report: CheckReport, session_count: int
) -> dict[str, Any]:
    """
    Say what would be sent; fail where the real run would.

    :param context: Airflow's; the report is pushed under :data:`REPORT_KEY` before the task fails.
    :param operator: ``on_invalid`` is ``fail`` or ``skip``.
    :param report: of the checks.
    :param session_count: how many sessions the valid files would take.
    :returns: ``{"dry_run": True, "valid", "invalid", "digest", "problems", "session_count"}``.
    :raises KsefInputError: names the first few problems.
    """
    told = {"dry_run": True, **report_in_short(report), "session_count": session_count}
    if report.problems and (operator.on_invalid == "fail" or not report.files):
        context["ti"].xcom_push(key=REPORT_KEY, value=told)
        report.require_valid()
    log.info("Dry run: nothing was sent. %d files would go in %d sessions.", len(report.files), session_count)
    return told
