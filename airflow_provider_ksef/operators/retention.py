"""Rows that are to be gone for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from airflow_provider_ksef._compat import BaseOperator, Context, ObjectStoragePath, RetryPolicy
from airflow_provider_ksef.links.ksef import KsefTablesLink
from airflow_provider_ksef.operators.kept_tables import name_of, open_kept_tables
from airflow_provider_ksef.operators.parameters import check_subject_types, is_given, task_owner
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY


class KsefDeleteRowsOperator(BaseOperator):
    """
    Delete rows older than a date, or of one counterparty, from all tables; the watermark stays.

    What is deleted is noted as a rule beside the tables: no sync, backfill or repair brings such rows back,
    and verification does not miss them. Invoices that come later are not concerned. Nothing is deleted in
    KSeF.

    The result is ``{"deleted": {part: {table: rows}}}``.

    :param tables_path: folder of the tables: a local path or anything that ``ObjectStoragePath`` opens.
    :param before: rows stored for good before this day's midnight in Poland, such as ``2020-01-01``.
    :param nip: only rows that this company sold or bought. Without ``before``: those up to the watermark. A
        company whose own tables are meant is refused: it is on all of their invoices.
    :param contexts: only these, such as ``nip-5250001210``; None for all that the tables hold.
    :param subject_types: only these; None for all.
    :param dry_run: only count, and note no rule.
    """

    template_fields: Sequence[str] = ("tables_path", "before", "nip", "contexts", "subject_types")
    operator_extra_links = (KsefTablesLink(),)
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        tables_path: str | ObjectStoragePath,
        before: str | date | None = None,
        nip: str | None = None,
        contexts: Sequence[str] | None = None,
        subject_types: Sequence[str] | None = None,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        self.tables_path = tables_path
        self.before = before
        self.nip = nip
        self.contexts = contexts
        if is_given(subject_types):
            check_subject_types(subject_types or ())
        self.subject_types = subject_types
        self.only_counts = dry_run  # BaseOperator has a method dry_run

    def execute(self, context: Context) -> dict[str, Any]:
        """Note the rule and delete what it stands for, one context and subject type after the other."""
        from airflow_provider_ksef.tables.retention import check_counterparty, new_rule

        kept = open_kept_tables(self.tables_path, self.contexts, self.subject_types)
        check_counterparty(self.nip, [key.context for key in kept.keys])
        now, rules = datetime.now(UTC), []
        for key in kept.keys:
            watermark = kept.tables.watermark(key)
            position = watermark.position if watermark else None
            rules.append((key, new_rule(self.before, self.nip, position=position, now=now)))
        deleted = {
            name_of(key): dict(
                kept.tables.delete_rows(key, rule, owner=task_owner(context), dry_run=self.only_counts)
            )
            for key, rule in rules
        }
        self.log.info("%s: %s", "Rows to delete" if self.only_counts else "Deleted rows", deleted)
        return {"deleted": deleted}
