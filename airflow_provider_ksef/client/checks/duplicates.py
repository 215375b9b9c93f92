"""Invoices of one batch that KSeF would take to be the same."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_ksef.client.checks.document import Outcome
from airflow_provider_ksef.client.checks.finding import Finding


def with_duplicates(outcomes: Iterable[tuple[str, Outcome]]) -> list[Outcome]:
    """
    Add to each outcome whether an earlier file holds the same invoice: same seller, type and number.

    :param outcomes: each with its file's name.
    """
    first: dict[tuple[str, str, str], tuple[str, str]] = {}
    judged = []
    for name, outcome in outcomes:
        key = outcome.facts.duplicate_key
        earlier = first.setdefault(key, (name, outcome.sha256)) if key else None
        if earlier is None or earlier[0] == name:
            judged.append(outcome)
            continue
        findings = (*outcome.findings, _duplicate(outcome, earlier[0], is_copy=earlier[1] == outcome.sha256))
        judged.append(outcome._replace(findings=findings))
    return judged


def _duplicate(outcome: Outcome, earlier: str, *, is_copy: bool) -> Finding:
    how = "is a copy of" if is_copy else f"has the seller, the type and the number {outcome.facts.number} of"
    return Finding(
        "invoice.duplicate",
        None,
        f"{how} {earlier}",
        "Leave one of them out; KSeF takes the first and refuses the other.",
    )
