"""Waiting until a month is complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow_provider_ksef._compat import (
    AirflowFailException,
    BaseSensorOperator,
    Context,
    ObjectStoragePath,
    PokeReturnValue,
    RetryPolicy,
    default_deferrable,
)
from airflow_provider_ksef.links.ksef import KsefTablesLink
from airflow_provider_ksef.operators.kept_tables import name_of
from airflow_provider_ksef.operators.parameters import check_subject_types, is_given, path_of
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.sensors.deferring import next_look, poke_or_defer, poking_in_place
from airflow_provider_ksef.tables.moments import STORAGE_LAG
from airflow_provider_ksef.triggers.events import Resume, read_event
from airflow_provider_ksef.triggers.moment import KsefMomentTrigger

POKE_SECONDS = 15 * 60.0


class KsefMonthCompleteSensor(BaseSensorOperator):
    """
    Wait until everything that KSeF numbered up to the end of a Polish month is in the tables.

    It reads only the tables, so it waits for a sync that runs elsewhere. By default the worker slot is free
    between two looks (``mode="reschedule"``). A month that a verification found different from KSeF is not
    complete until a later one has found it equal. Where retention has deleted rows of the month, the task
    fails: no sync brings them back.

    The result is ``{"month", "watermark": {part: position}}``.

    :param month: such as ``2026-03``: that of ``ksef_date``, in Poland.
    :param tables_path: folder of the tables: a local path or anything that ``ObjectStoragePath`` opens.
    :param subject_types: roles that must be complete.
    :param contexts: such as ``nip-5250001210``; None for all that the tables hold.
    :param require_verified: wait until a verification has covered the month, too.
    :param storage_lag: how long after its number an invoice may be stored for good; KSeF states no bound.
    :param deferrable: let the triggerer wake it for each look, whatever ``mode`` says.
    """

    template_fields: Sequence[str] = ("month", "tables_path", "subject_types", "contexts")
    operator_extra_links = (KsefTablesLink(),)
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        month: str,
        tables_path: str | ObjectStoragePath,
        subject_types: Sequence[str] = ("Subject2",),
        contexts: Sequence[str] | None = None,
        require_verified: bool = False,
        storage_lag: timedelta = STORAGE_LAG,
        mode: str = "reschedule",
        poke_interval: float | timedelta = POKE_SECONDS,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            mode=mode, poke_interval=poke_interval, retries=retries, retry_policy=retry_policy, **kwargs
        )
        self.month = month
        self.tables_path = tables_path
        if is_given(subject_types):
            check_subject_types(subject_types)
        self.subject_types = subject_types
        self.contexts = contexts
        self.require_verified = require_verified
        self.storage_lag = storage_lag
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Look once; then defer until the next look, or go on as Airflow's sensors do."""
        if self.deferrable:
            return poke_or_defer(self, context)
        with poking_in_place(self, context):
            return super().execute(context)

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Look again."""
        return poke_or_defer(self, context, read_event(event, Resume, timeout=self.timeout, expected=""))

    @property
    def awaited(self) -> str:
        """What has not come yet."""
        return f"{self.month} was not complete"

    def trigger_until(self, deadline: float) -> KsefMomentTrigger:
        """Make the trigger that lets it look again."""
        return next_look(self.poke_interval, deadline)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look at the watermarks once."""
        from airflow_provider_ksef.tables.completeness import absent_parts, month_bounds, table_positions

        del context
        month_bounds(self.month)
        check_subject_types(self.subject_types)
        root = path_of("tables_path", self.tables_path)
        positions = table_positions(root, subject_types=self.subject_types, contexts=self.contexts)
        absent = absent_parts(positions, self.subject_types, self.contexts)
        missing = [f"there is no table of {part} yet." for part in absent]
        for position in positions:
            deleted_before = position.deleted_before(self.month)
            if deleted_before is not None:
                raise AirflowFailException(
                    f"{self.month} will not be complete: retention has deleted what was stored before "
                    f"{deleted_before} from {name_of(position.key)}."
                )
            lacking = position.missing(
                self.month, storage_lag=self.storage_lag, require_verified=self.require_verified
            )
            missing += [lacking] if lacking else []
        for lacking in missing:
            self.log.info("Not complete: %s", lacking)
        if missing:
            return PokeReturnValue(is_done=False)
        reached = {name_of(each.key): each.watermark.position for each in positions if each.watermark}
        self.log.info("%s is complete: %s", self.month, reached)
        return PokeReturnValue(is_done=True, xcom_value={"month": self.month, "watermark": reached})
