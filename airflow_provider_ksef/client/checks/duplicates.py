"""Invoices of one batch that KSeF would take to be the same."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_ksef.client.checks.document import Outcome
from airflow_provider_ksef.client.checks.finding import Finding

_Key = tuple[str, str, str]
_Named = tuple[str, Outcome]


def with_duplicates(outcomes: Sequence[_Named]) -> list[Outcome]:
    """
    Add to each outcome whether another file holds the same invoice: same seller, type and number.

    One file of each invoice stays as it is: the first in which nothing else is wrong, so that a right file
    does not suffer for a wrong one before it, or else the first. All others are its duplicates.

    :param outcomes: each with its file's name.
    """
    kept = _kept(outcomes)
    return [_judged(name, outcome, kept) for name, outcome in outcomes]


def _kept(outcomes: Sequence[_Named]) -> dict[_Key, _Named]:
    kept: dict[_Key, _Named] = {}
    for name, outcome in outcomes:
        key = outcome.facts.duplicate_key
        if key and (key not in kept or (kept[key][1].findings and not outcome.findings)):
            kept[key] = (name, outcome)
    return kept


def _judged(name: str, outcome: Outcome, kept: dict[_Key, _Named]) -> Outcome:
    key = outcome.facts.duplicate_key
    if key is None or kept[key][0] == name:
        return outcome
    return outcome._replace(findings=(*outcome.findings, _duplicate(outcome, *kept[key])))


def _duplicate(outcome: Outcome, kept_name: str, kept: Outcome) -> Finding:
    is_copy = outcome.sha256 == kept.sha256
    how = "is a copy of" if is_copy else f"has the seller, the type and the number {outcome.facts.number} of"
    return Finding(
        "invoice.duplicate",
        None,
        f"{how} {kept_name}",
        "Leave one of them out; KSeF takes the first that is right and refuses the others.",
    )
