"""What is wrong with what an invoice says: form, schema, seller, date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from airflow_provider_ksef.client.checks.facts import PATHS, ROOTS, InvoiceFacts, line_of
from airflow_provider_ksef.client.checks.finding import Finding
from airflow_provider_ksef.client.checks.rules import CheckRules

if TYPE_CHECKING:
    from lxml import etree

MAX_SCHEMA_ERRORS = 10
"""Errors that are told of one file: one mistake often makes many."""
_NAMESPACE = re.compile(r"\{(?:https?|urn):[^}]*\}")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)
"""``xs:date``: ISO 8601 knows other ways to write one."""
_MANDATORY = ("seller_nip", "number", "invoice_type", "issue_date")


def content_findings(
    root: etree._Element, facts: InvoiceFacts, rules: CheckRules, schema: etree.XMLSchema | None
) -> Iterator[Finding]:
    """
    Find what a document says wrongly.

    :param facts: of this document.
    :param schema: of the form, or None where it is not held against one.
    """
    if rules.form_code and facts.form_code != rules.form_code:
        yield _other_form(root, rules.form_code)
        return
    header = _header_finding(root, rules.form_code)
    if header:
        yield header
    if schema is not None:
        yield from _schema_findings(root, schema)
    elif rules.form_code:
        yield from _missing(root, facts)
    for finding in (_seller_finding(root, facts, rules), _date_finding(root, facts, rules.today)):
        if finding:
            yield finding


def _other_form(root: etree._Element, form_code: str) -> Finding:
    form = ROOTS.get(root.tag)
    is_what = f"is a document of the form {form}" if form else f"has the root element {root.tag}"
    return Finding(
        "form.other",
        root.sourceline,
        f"{is_what}, the session is of {form_code}",
        "Send each form in a session of its own, with its form_code.",
    )


def _header_finding(root: etree._Element, form_code: str | None) -> Finding | None:
    code = root.find("{*}Naglowek/{*}KodFormularza") if form_code else None
    stated = None if code is None else code.get("kodSystemowy")
    if code is None or stated == form_code:
        return None
    return Finding(
        "form.header",
        code.sourceline,
        f"says {stated!r} in kodSystemowy, its namespace is that of {form_code}",
        "Let KodFormularza and the namespace name the same form.",
    )


def _schema_findings(root: etree._Element, schema: etree.XMLSchema) -> Iterator[Finding]:
    if schema.validate(root):
        return
    for error in list(schema.error_log)[:MAX_SCHEMA_ERRORS]:
        message = _NAMESPACE.sub("", error.message)
        yield Finding(
            "schema.invalid", error.line or None, message, "Write the invoice as its form's XSD says."
        )


def _missing(root: etree._Element, facts: InvoiceFacts) -> Iterator[Finding]:
    for name in _MANDATORY:
        path = PATHS[facts.form_code or ""].get(name)
        if path and getattr(facts, name) is None:
            shown = path.replace("{*}", "")
            yield Finding("invoice.incomplete", root.sourceline, f"has no {shown}", f"Fill in {shown}.")


def _seller_finding(root: etree._Element, facts: InvoiceFacts, rules: CheckRules) -> Finding | None:
    nip, seller = rules.context_nip, facts.seller_nip
    if nip is None or seller is None or nip in (seller, facts.authorized_nip, *facts.member_nips):
        return None
    is_buyer = nip == facts.buyer_nip
    if is_buyer and (
        facts.form_code == "FA_RR (1)" or (facts.is_self_invoicing and rules.allow_self_invoicing)
    ):
        return None
    remedy = "Send it with the seller's own connection or context_identifier."
    if is_buyer and facts.is_self_invoicing:
        remedy = "Where the seller has granted self-invoicing in KSeF, set allow_self_invoicing=True."
    return Finding(
        "invoice.other-seller",
        line_of(root, facts.form_code, "seller_nip"),
        f"the seller is {seller}, it would be sent in the name of {nip}",
        remedy,
    )


def _date_finding(root: etree._Element, facts: InvoiceFacts, today: date | None) -> Finding | None:
    if today is None or facts.issue_date is None:
        return None
    line = line_of(root, facts.form_code, "issue_date")
    try:
        written = _DATE.fullmatch(facts.issue_date)
        issued = date.fromisoformat(written[1] if written else "")
    except ValueError:
        return Finding(
            "invoice.issue-date",
            line,
            f"the issue date {facts.issue_date!r} is no date",
            "Write it as 2026-03-31.",
        )
    if issued <= today:
        return None
    return Finding(
        "invoice.issue-date-in-future",
        line,
        f"the issue date {issued} is after today, {today} in Poland",
        "Send it on that day, or mend the date.",
    )
