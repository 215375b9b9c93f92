"""What the command tells people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_ksef.tables.checking import Finding
from airflow_provider_ksef.tables.compaction import CompactedMonth

_ROWS = {
    "invoices": "invoices",
    "invoice_documents": "documents",
    "invoice_lines": "lines",
    "invoice_vat_summary": "rows of VAT",
}


def of_overview(found: Mapping[str, Any]) -> str:
    """Lay out what :func:`overview.overview` found."""
    head = f"{found['tables_path']}: {found['table_format']}, environment {found['environment'] or 'unknown'}"
    return "\n".join([head, *(line for part in found["parts"] for line in _part(part))])


def of_findings(found: Sequence[Finding]) -> str:
    """Lay out what :func:`checking.check_tables` found."""
    lines = [
        f"{'WRONG' if finding.is_wrong else 'note'}: {finding.place} {finding.problem}." for finding in found
    ]
    wrong = sum(finding.is_wrong for finding in found)
    return "\n".join([*lines, f"{wrong} problem(s)." if wrong else "Nothing is wrong."])


def of_compaction(done: Mapping[str, Sequence[CompactedMonth]], dry_run: bool) -> str:
    """Lay out what a compaction did, or would do."""
    verb = "would become" if dry_run else "became"
    lines = [
        f"{name} {month.table} {month.month}: {month.files_before} files {verb} {month.files_after}, "
        f"{month.rows:,} rows."
        for name, months in done.items()
        for month in months
    ]
    return "\n".join(lines) or "Nothing to merge."


def of_question(counted: Mapping[str, Mapping[str, int]]) -> str:
    """Ask whether what a deletion would delete is meant."""
    parts = [f"{name}: {_amounts(tables)}" for name, tables in counted.items()]
    return "\n".join([*parts, "Delete this for good"])


def of_deletion(done: Mapping[str, Mapping[str, int]], dry_run: bool) -> str:
    """Lay out what a deletion did, or would do."""
    verb = "would be deleted" if dry_run else "deleted"
    lines = [
        f"{name} {table}: {rows:,} rows {verb}."
        for name, tables in done.items()
        for table, rows in tables.items()
        if rows
    ]
    return "\n".join(lines) or "No row to delete."


def _amounts(tables: Mapping[str, int]) -> str:
    amounts = [f"{rows:,} {_ROWS.get(table, table)}" for table, rows in tables.items() if rows]
    return ", ".join(amounts) or "nothing that is there now"


def _part(part: Mapping[str, Any]) -> list[str]:
    watermark, lease = part["watermark"], part["lease"]
    lines = [f"\n{part['context']} {part['subject_type']}"]
    if watermark is None:
        lines.append("  watermark   none")
    else:
        lines.append(f"  watermark   {watermark['position']}, {_span(part['lag_seconds'])} ago")
        lines.append(f"  began at    {watermark['began_at'] or 'unknown'}")
    lines.append(f"  lease       {lease['owner'] + ' until ' + lease['expires_at'] if lease else 'free'}")
    lines.append(f"  complete    {_months(part['complete_months'])}")
    if part["deleted_months"]:
        lines.append(f"  deleted     {_months(part['deleted_months'])}, by retention, whole or in part")
    lines += [
        f"  different   {first} to {last}: verification found it so; repair and verify it again"
        for first, last in part["different"]
    ]
    lines += [
        f"  retention   deleted what was stored before {rule['stored_before']}"
        + (f" and sold or bought by {rule['nip']}" if rule["nip"] else "")
        for rule in part["retention"]
    ]
    lines += [_table(table) for table in part["tables"]]
    return lines


def _table(table: Mapping[str, Any]) -> str:
    return (
        f"  {table['table']:<20}{table['rows']:>13,} rows {table['files']:>6,} files "
        f"{table['bytes'] / 1e6:>10,.1f} MB  {_months(table['months'])}"
    )


def _months(months: Sequence[str]) -> str:
    if not months:
        return "none"
    return months[0] if len(months) == 1 else f"{months[0]} ... {months[-1]} ({len(months)} months)"


def _span(seconds: float) -> str:
    hours, left = divmod(round(seconds), 3600)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {left // 60} min"
