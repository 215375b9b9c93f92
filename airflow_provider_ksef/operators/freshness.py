"""An alarm for tables that no longer follow KSeF."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_ksef._compat import BaseOperator, Context, ObjectStoragePath, RetryPolicy
from airflow_provider_ksef.exceptions import KsefInputError, KsefStaleTableError
from airflow_provider_ksef.links.ksef import KsefTablesLink
from airflow_provider_ksef.operators.kept_tables import name_of
from airflow_provider_ksef.operators.parameters import check_subject_types, is_given, path_of
from airflow_provider_ksef.operators.retries import RETRY_POLICY


class KsefCheckFreshnessOperator(BaseOperator):
    """
    Fail where a table's watermark lags behind further than is allowed; hook ``on_failure_callback`` on it.

    A sync moves the watermark though no invoice came, so a lag means that no sync has succeeded for as long.
    Run it on a schedule of its own: a sync that never starts does not fail either. It reads only the tables.

    The result is ``{part: lag in seconds}``; it is pushed under the key ``result`` before the task fails.

    :param tables_path: folder of the tables: a local path or anything that ``ObjectStoragePath`` opens.
    :param max_lag: how old a watermark may be.
    :param subject_types: roles whose tables must be fresh; each must be there.
    :param contexts: such as ``nip-5250001210``; None for all that the tables hold.
    """

    template_fields: Sequence[str] = ("tables_path", "contexts", "subject_types")
    operator_extra_links = (KsefTablesLink(),)
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        tables_path: str | ObjectStoragePath,
        max_lag: timedelta = timedelta(hours=6),
        subject_types: Sequence[str] = ("Subject2",),
        contexts: Sequence[str] | None = None,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        if max_lag <= timedelta(0):
            raise KsefInputError("max_lag", str(max_lag), "is too small", "Give a time above zero.")
        self.tables_path = tables_path
        self.max_lag = max_lag
        if is_given(subject_types):
            check_subject_types(subject_types)
        self.subject_types = subject_types
        self.contexts = contexts

    def execute(self, context: Context) -> dict[str, Any]:
        """Compare each watermark with the clock."""
        from airflow_provider_ksef.tables.completeness import absent_parts, table_positions

        check_subject_types(self.subject_types)
        root = path_of("tables_path", self.tables_path)
        positions = table_positions(root, subject_types=self.subject_types, contexts=self.contexts)
        now = datetime.now(UTC)
        lags = {name_of(position.key): position.lag(now) for position in positions}
        stale = [
            f"{part} lags {lag} behind" if lag else f"{part} has no watermark"
            for part, lag in lags.items()
            if lag is None or lag > self.max_lag
        ]
        stale += [
            f"there is no table of {part}"
            for part in absent_parts(positions, self.subject_types, self.contexts)
        ]
        result = {part: None if lag is None else round(lag.total_seconds()) for part, lag in lags.items()}
        if stale:
            context["ti"].xcom_push(key="result", value=result)
            raise KsefStaleTableError(
                f"{'; '.join(sorted(stale))}; allowed are {self.max_lag}.",
                "Look at the runs of the sync: is it paused, failing, or out of its budget of exports?",
            )
        self.log.info("Fresh: %s", result)
        return result
