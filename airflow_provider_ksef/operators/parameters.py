"""What a parameter must be, whatever the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from numbers import Real
from os import PathLike

from upath import UPath

from airflow_provider_ksef._compat import Context, ObjectStoragePath, storage_path
from airflow_provider_ksef.client.filters import SUBJECT_TYPES
from airflow_provider_ksef.client.input_checks import is_list
from airflow_provider_ksef.exceptions import KsefInputError


def is_given(value: object) -> bool:
    """
    Whether a parameter's value is known when the DAG is parsed: no template, and not what another task gives.

    :param value: of a field that may be templated.
    """
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value
    if isinstance(value, (list, tuple)):
        return all(map(is_given, value))
    return isinstance(value, (bool, int, float, Decimal, date))


def check_choice(field: str, value: str, choices: tuple[str, ...]) -> None:
    """
    Refuse a value that is none of the choices.

    :raises KsefInputError: names the field, the value and the choices.
    """
    if value not in choices:
        raise KsefInputError(field, value, "is not known", f"Give one of: {', '.join(choices)}.")


def check_above(field: str, value: float, bound: float) -> None:
    """
    Refuse a number that is not above a bound.

    :raises KsefInputError: names the field, the value and the bound.
    """
    _check_number(field, value)
    if not value > bound:
        raise KsefInputError(field, value, "is too small", f"Give a number above {bound}.")


def check_at_least(field: str, value: float, bound: float) -> None:
    """
    Refuse a number below a bound.

    :raises KsefInputError: names the field, the value and the bound.
    """
    _check_number(field, value)
    if not value >= bound:
        raise KsefInputError(field, value, "is too small", f"Give {bound} or more.")


def _check_number(field: str, value: object) -> None:
    """Refuse what cannot be compared, and what Airflow could not store: JSON has no infinity."""
    if not isinstance(value, Real) or not math.isfinite(value):
        raise KsefInputError(field, value, "is no finite number", "Give a number, of times in seconds.")


def check_sending(on_rejected: str, on_invalid: str, poll_interval: float, timeout: float) -> None:
    """
    Refuse what no operator that sends can do.

    :param on_rejected: what to do with rejected invoices.
    :param on_invalid: what to do with files that the checks find wrong.
    :param poll_interval: seconds between two questions.
    :param timeout: seconds to wait.
    :raises KsefInputError: names the field, the value and the remedy.
    """
    check_choice("on_rejected", on_rejected, ("fail", "warn"))
    check_choice("on_invalid", on_invalid, ("fail", "skip"))
    check_above("poll_interval", poll_interval, 0)
    check_at_least("timeout", timeout, 0)


def check_subject_types(subject_types: Sequence[str]) -> None:
    """
    Refuse what is not a list of one or more subject types, each once.

    :raises KsefInputError: names the value and KSeF's subject types.
    """
    if (
        not is_list(subject_types)
        or not subject_types
        or any(each not in SUBJECT_TYPES for each in subject_types)
    ):
        raise KsefInputError(
            "subject_types",
            subject_types,
            "is not a list of subject types",
            f"Give one or more of: {', '.join(SUBJECT_TYPES)}.",
        )
    if len(set(subject_types)) < len(subject_types):
        raise KsefInputError("subject_types", subject_types, "names one twice", "Give each once.")


def path_of(field: str, named: str | PathLike[str] | ObjectStoragePath) -> UPath:
    """
    Open what a parameter names.

    :raises KsefInputError: where it is no path, or names nothing, such as a template that gave an empty text.
    """
    remedy = "Give a local path, or a URL such as s3://aws_default@bucket/folder."
    if not isinstance(named, (str, PathLike, UPath)):
        raise KsefInputError(field, named, "is no path", remedy)
    try:
        return storage_path(named)
    except ValueError as error:
        raise KsefInputError(field, str(named), str(error), remedy) from error


def check_folder(field: str, named: str | PathLike[str] | ObjectStoragePath) -> None:
    """
    Refuse what cannot be a folder, before something is done whose outcome is to be kept in it.

    :raises KsefInputError: where it, or what it is to lie in, is a file of this machine.
    """
    path = path_of(field, named)
    if path.protocol not in ("", "file"):
        return
    there = next((each for each in (path, *path.parents) if each.exists()), path)
    if there.is_file():
        raise KsefInputError(
            field, str(named), f"{there.path} is a file", "Give a folder, or a name that is not there yet."
        )


def task_owner(context: Context) -> str:
    """
    Name a task as the owner of a table's lease: its next try takes the lease over at once.

    :param context: the context that Airflow passes to ``execute``.
    """
    ti = context["ti"]
    return "/".join(str(part) for part in (ti.dag_id, ti.run_id, ti.task_id, ti.map_index))


def check_span(field: str, span: timedelta) -> None:
    """
    Refuse what is no span of time.

    :raises KsefInputError: where it is none, or negative.
    """
    if not isinstance(span, timedelta) or span < timedelta(0):
        raise KsefInputError(field, span, "is no span of time", "Give one such as timedelta(days=30).")
