"""One export at a time: started, noted before anything waits for it, and asked for until it is final."""

from __future__ import annotations

import logging

from airflow_provider_ksef._compat import TaskState
from airflow_provider_ksef.client import KsefClient, exports
from airflow_provider_ksef.client.exports import ExportPackage, ExportStatus
from airflow_provider_ksef.exceptions import KsefApiError, KsefExportError
from airflow_provider_ksef.transfers.pending_export import ExportRequest, PendingExport, new_export_key

log = logging.getLogger(__name__)

SUCCEEDED = 200
NOTHING_NEW = 420
KEY_NOT_DECRYPTED = 415
BEYOND_HWM = 21183
GONE_HTTP_STATUS = 410
NO_SUCH_EXPORT = 21175
_ANEW = "The table is as it was; the window is exported anew."


class Exporter:
    """
    Exports of one subject type.

    :param ksef: the client.
    :param state: remembers the pending export for the task's next try.
    :param subject_type: the role that the exports cover.
    """

    def __init__(self, ksef: KsefClient, state: TaskState, subject_type: str) -> None:
        self.ksef = ksef
        self.state = state
        self.subject_type = subject_type

    @property
    def _state_key(self) -> str:
        return f"export:{self.subject_type}"

    def noted(self, request: ExportRequest) -> PendingExport | None:
        """Give the export that an earlier try began, where it is what is asked for now."""
        noted = self.state.get(self._state_key)
        if not noted:
            return None
        try:
            pending = PendingExport.from_json(noted)
            is_ours = pending.key(self.ksef.settings) is not None
        except (TypeError, ValueError, AttributeError) as error:
            log.warning("%s: the note of an earlier try cannot be read: %s", self.subject_type, error)
            is_ours = False
        if not is_ours or pending.request != request:
            self.forget()
            return None
        log.info(
            "%s: going on with export %s of an earlier try.", self.subject_type, pending.reference_number
        )
        return pending

    def start(self, request: ExportRequest) -> PendingExport | None:
        """
        Ask KSeF for an export and note it before anything waits for it.

        :returns: None where KSeF says at once that there is nothing new.
        """
        salt, derived = new_export_key(self.ksef.settings)
        flow = exports.start(request.filters(), derived.session_key, only_metadata=request.only_metadata)
        try:
            reference = self.ksef.run(flow)
        except KsefApiError as error:
            if error.fault.code != BEYOND_HWM:
                raise
            return None
        pending = PendingExport(
            reference_number=reference,
            subject_type=request.subject_type,
            window_start=request.start,
            window_end=request.end,
            salt=salt,
            check_value=derived.check_value,
            date_type=request.date_type,
            only_metadata=request.only_metadata,
        )
        self.state.set(self._state_key, pending.to_json())
        log.info(
            "%s: export %s of %s dates from %s to %s.",
            self.subject_type,
            reference,
            request.date_type,
            request.start,
            request.end or "the high-water mark",
        )
        return pending

    def status(self, pending: PendingExport) -> ExportStatus:
        """
        Read an export's status.

        :raises KsefExportError: where KSeF does not keep the export any more.
        """
        try:
            return self.ksef.run(exports.get_status(pending.reference_number))
        except KsefApiError as error:
            fault = error.fault
            if fault.http_status != GONE_HTTP_STATUS and fault.code != NO_SUCH_EXPORT:
                raise
            raise KsefExportError(
                f"Export {pending.reference_number}",
                fault.code or fault.http_status,
                fault.description,
                fault.details,
                "KSeF does not keep it any more; the window is exported anew.",
            ) from error

    def package(self, status: ExportStatus) -> ExportPackage | None:
        """
        Give what a finished export brought.

        :returns: None where KSeF holds nothing new.
        :raises KsefExportError: where KSeF could not make the package, or it has expired.
        """
        if status.code == NOTHING_NEW:
            return None
        if status.code == SUCCEEDED and status.package is not None:
            return status.package
        if status.code == KEY_NOT_DECRYPTED:
            self.ksef.public_keys.forget()
        raise KsefExportError(
            f"Export {status.reference_number}", status.code, status.description, status.details, _ANEW
        )

    def forget(self) -> None:
        """Drop the noted export: it was committed, or is of no use any more."""
        self.state.delete(self._state_key)
