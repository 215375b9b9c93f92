"""Few large files in place of many small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airflow_provider_ksef._compat import BaseOperator, Context, ObjectStoragePath, RetryPolicy
from airflow_provider_ksef.links.ksef import KsefTablesLink
from airflow_provider_ksef.operators.kept_tables import name_of, open_kept_tables
from airflow_provider_ksef.operators.parameters import (
    check_at_least,
    check_subject_types,
    is_given,
    task_owner,
)
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY


class KsefCompactTableOperator(BaseOperator):
    """
    Merge the files of closed months, those that have ended and that the watermark has passed.

    Syncs and backfills may run meanwhile. On a local disk a reader may meet a missing file, never a row
    twice; on an object store only :func:`tables.read` and Delta are safe while files are merged.

    The result is ``{"months": [{"part", "table", "month", "files_before", "files_after", "rows"}],
    "files_before", "files_after"}`` over the months that had something to merge.

    :param tables_path: folder of the tables: a local path or anything that ``ObjectStoragePath`` opens.
    :param contexts: only these, such as ``nip-5250001210``; None for all that the tables hold.
    :param subject_types: only these; None for all.
    :param keep_open_months: how many of the newest closed months to leave alone, where readers are at work.
    :param dry_run: only tell what would be merged.
    """

    template_fields: Sequence[str] = ("tables_path", "contexts", "subject_types")
    operator_extra_links = (KsefTablesLink(),)
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        tables_path: str | ObjectStoragePath,
        contexts: Sequence[str] | None = None,
        subject_types: Sequence[str] | None = None,
        keep_open_months: int = 0,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        check_at_least("keep_open_months", keep_open_months, 0)
        self.tables_path = tables_path
        self.contexts = contexts
        if is_given(subject_types):
            check_subject_types(subject_types or ())
        self.subject_types = subject_types
        self.keep_open_months = keep_open_months
        self.only_tells = dry_run  # BaseOperator has a method dry_run

    def execute(self, context: Context) -> dict[str, Any]:
        """Merge month after month."""
        kept = open_kept_tables(self.tables_path, self.contexts, self.subject_types)
        months = [
            {"part": name_of(key), **asdict(month)}
            for key in kept.keys
            for month in kept.tables.compact(
                key,
                owner=task_owner(context),
                keep_open_months=self.keep_open_months,
                dry_run=self.only_tells,
            )
        ]
        before, after = (sum(month[name] for month in months) for name in ("files_before", "files_after"))
        verb = "would become" if self.only_tells else "became"
        self.log.info("%d months had something to merge: %d files %s %d.", len(months), before, verb, after)
        return {"months": months, "files_before": before, "files_after": after}
