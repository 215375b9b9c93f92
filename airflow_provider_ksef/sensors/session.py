"""Waiting for a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_ksef._compat import (
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    RetryPolicy,
    default_deferrable,
)
from airflow_provider_ksef.client import KsefClient, sessions
from airflow_provider_ksef.client.duplicates import judge_duplicates
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.links.ksef import KsefAppLink
from airflow_provider_ksef.operators.batch_result import (
    batch_result,
    check_judged,
    rejections_of,
    without_accepted,
)
from airflow_provider_ksef.operators.invoice_checks import PathSetting
from airflow_provider_ksef.operators.judged_session import keep_ended
from airflow_provider_ksef.operators.killing import end_killed_task
from airflow_provider_ksef.operators.parameters import is_given
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.operators.submission_record import open_record
from airflow_provider_ksef.sensors.deferring import poke_or_defer, poking_in_place
from airflow_provider_ksef.triggers.events import Resume, read_event
from airflow_provider_ksef.triggers.session import KsefSessionTrigger


class KsefSessionSensor(BaseSensorOperator):
    """
    Wait until KSeF has judged every invoice of a session.

    The result has the shape of the submit operators': ``{"session_reference_number", "sessions", "code",
    "status", "invoice_count", "accepted", "rejected", "rejections"}``, where ``status`` is ``accepted``,
    ``partly_accepted`` or ``rejected``. A session that KSeF could not process fails the task with KSeF's
    reason; one whose invoices were rejected, some or all, is judged and does not.

    :param session_reference_number: the session, such as a submit operator's result names it.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param tables_path: the folder of tables that the session was sent with: its rows in ``submissions`` are
        completed, which a submit operator leaves to others where it does not wait.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    """

    template_fields: Sequence[str] = (
        "session_reference_number",
        "ksef_conn_id",
        "context_identifier",
        "tables_path",
    )
    operator_extra_links = (KsefAppLink(),)
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        session_reference_number: str,
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        tables_path: PathSetting = None,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        if is_given(session_reference_number):
            check_reference_number(session_reference_number, "session_reference_number")
        self.session_reference_number = session_reference_number
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.tables_path = tables_path
        self.deferrable = deferrable

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask KSeF once."""
        with KsefHook(self.ksef_conn_id, self.context_identifier).get_conn() as ksef:
            check_reference_number(self.session_reference_number, "session_reference_number")
            record = open_record(self.tables_path, context, ksef.settings)
            status = ksef.run(sessions.get_status(self.session_reference_number))
            self.log.info("Session %s: %d %s.", status.reference_number, status.code, status.description)
            if not status.is_final:
                return PokeReturnValue(is_done=False)
            if record is not None:
                keep_ended(ksef, status, record)
            check_judged(status)
            return PokeReturnValue(is_done=True, xcom_value=_result(ksef, status))

    def execute(self, context: Context) -> Any:
        """Poke once; then defer, or poke on in place as Airflow's sensors do."""
        if self.deferrable:
            return poke_or_defer(self, context)
        with poking_in_place(self, context):
            return super().execute(context)

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Take over from the trigger; KSeF is asked once more."""
        read = read_event(event, Resume, timeout=self.timeout, expected=self.session_reference_number)
        self.log.info("%s: woken up with code %s.", read.reference_number, read.code)
        return poke_or_defer(self, context, read)

    def on_kill(self) -> None:
        """End the login session, and the task; the next try goes on where it stands."""
        end_killed_task()

    @property
    def awaited(self) -> str:
        """What has not come yet."""
        return f"Session {self.session_reference_number} was not processed"

    def trigger_until(self, deadline: float) -> KsefSessionTrigger:
        """Make the trigger that goes on asking."""
        return KsefSessionTrigger(
            self.session_reference_number,
            ksef_conn_id=self.ksef_conn_id,
            context_identifier=self.context_identifier,
            poll_interval=self.poke_interval,
            since=deadline - self.timeout,
            deadline=deadline,
            resume={"deadline": deadline},
        )


def _result(ksef: KsefClient, status: SessionStatus) -> dict[str, Any]:
    accepted, rejected = status.accepted_count or 0, status.rejected_count or 0
    failed = ksef.run(sessions.list_failed_invoices(status.reference_number)) if rejected else []
    count = accepted + rejected if status.invoice_count is None else status.invoice_count
    failed, already = without_accepted(failed, judge_duplicates(ksef, failed))
    return batch_result(
        [status.reference_number],
        count,
        accepted + already,
        rejected - already,
        rejections_of(failed, {}),
        code=status.code,
    )
