"""Keeping KSeF's confirmations of receipt."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from airflow_provider_ksef._compat import (
    BaseOperator,
    Context,
    ObjectStoragePath,
    RetryPolicy,
    default_deferrable,
)
from airflow_provider_ksef.client import KsefClient, sessions
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.links.ksef import KsefAppLink
from airflow_provider_ksef.operators.batch_result import check_judged
from airflow_provider_ksef.operators.killing import end_killed_task
from airflow_provider_ksef.operators.long_waits import long_waits
from airflow_provider_ksef.operators.parameters import (
    check_above,
    check_at_least,
    check_folder,
    is_given,
    path_of,
)
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.operators.session_upo import save_session_upo
from airflow_provider_ksef.operators.session_waiting import SESSION_LIFE_SECONDS, wait_for_session
from airflow_provider_ksef.triggers.events import Resume, read_event


class KsefDownloadUpoOperator(BaseOperator):
    """
    Save a session's official confirmation of receipt (UPO), all pages, once KSeF has judged its invoices.

    The files are ``<upo_path>/<session>/<number of the page>.xml``, and with ``include_invoices`` also
    ``.../<KSeF number>.xml``. They are KSeF's own bytes, which its seal covers, verified by the hash that
    KSeF sends along. Each is there whole or not at all; a next try fetches only what is missing.

    The result is ``{"session_reference_number", "pages", "files", "path"}``: the pages of the session's UPO,
    all files, and their folder. A session without an accepted invoice has no UPO: 0 pages and no error.

    :param session_reference_number: the session, such as a submit operator's result names it.
    :param upo_path: the folder: a local path or anything that ``ObjectStoragePath`` opens.
    :param include_invoices: fetch the UPO of each accepted invoice, too.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions for the session's status.
    :param timeout: seconds to wait for the session.
    """

    template_fields: Sequence[str] = (
        "session_reference_number",
        "upo_path",
        "ksef_conn_id",
        "context_identifier",
    )
    operator_extra_links = (KsefAppLink(),)
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        session_reference_number: str,
        upo_path: str | ObjectStoragePath,
        include_invoices: bool = False,
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        poll_interval: float = 10.0,
        timeout: float = SESSION_LIFE_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        check_above("poll_interval", poll_interval, 0)
        check_at_least("timeout", timeout, 0)
        if is_given(session_reference_number):
            check_reference_number(session_reference_number, "session_reference_number")
        self.session_reference_number = session_reference_number
        self.upo_path = upo_path
        self.include_invoices = include_invoices
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait for the session, then save what is missing."""
        del context
        check_reference_number(self.session_reference_number, "session_reference_number")
        check_folder("upo_path", self.upo_path)
        return self._save(time.time() + self.timeout, None)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Take over from the trigger; KSeF is asked once more."""
        del context
        read = read_event(event, Resume, timeout=self.timeout, expected=self.session_reference_number)
        self.log.info("Session %s: woken up with code %s.", read.reference_number, read.code)
        return self._save(read.resume.deadline, read.error)

    def on_kill(self) -> None:
        """End the login session, and the task; the next try goes on where it stands."""
        end_killed_task()

    def _save(self, deadline: float, trigger_error: str | None) -> dict[str, Any]:
        reference = self.session_reference_number
        hook = KsefHook(self.ksef_conn_id, self.context_identifier)
        with long_waits(self, reference, lambda: {"deadline": deadline}), hook.get_conn() as ksef:
            return self._save_all(ksef, deadline, trigger_error)

    def _save_all(self, ksef: KsefClient, deadline: float, trigger_error: str | None) -> dict[str, Any]:
        reference = self.session_reference_number
        status = wait_for_session(
            self, ksef, reference, deadline=deadline, resume={}, trigger_error=trigger_error
        )
        check_judged(status)
        if not status.accepted_count:
            self.log.warning("Session %s has no accepted invoice, so it has no UPO.", reference)
        root = path_of("upo_path", self.upo_path)
        is_wanted = self.include_invoices and bool(status.accepted_count)
        invoices = ksef.run(sessions.list_invoices(reference)) if is_wanted else []
        saved = save_session_upo(ksef, status, root, invoices)
        return {
            "session_reference_number": reference,
            "pages": saved.pages,
            "files": saved.files,
            "path": saved.path,
        }
