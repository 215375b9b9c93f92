"""Going on with what a stopped emulator had begun."""

from __future__ import annotations

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.expiry import end_expired_sessions
from airflow_provider_ksef.emulator.exporting import Exporting
from airflow_provider_ksef.emulator.finishing import discard_parts
from airflow_provider_ksef.emulator.online_processing import OnlineProcessing
from airflow_provider_ksef.emulator.permission_work import PermissionWork
from airflow_provider_ksef.emulator.processing import BatchProcessing
from airflow_provider_ksef.emulator.store.sessions import BATCH, CANCELLED, CLOSED, ONLINE, OPEN, PROCESSING


def resume_work(emulator: Emulator) -> None:
    """Start the jobs that a kept state says are unfinished; remove what ran out."""
    end_expired_sessions(emulator)
    for reference in emulator.sessions.in_status(CANCELLED, BATCH):
        discard_parts(emulator, reference)
    online = OnlineProcessing(emulator)
    for reference in emulator.sessions.in_status(PROCESSING, BATCH):
        emulator.jobs.start(BatchProcessing(emulator).process_batch, reference)
    for reference in emulator.sessions.in_status(OPEN, ONLINE):
        emulator.jobs.start(online.check_key, reference)
    for reference in emulator.session_invoices.waiting():
        emulator.jobs.start(online.process_invoice, reference)
    for reference in emulator.sessions.in_status(CLOSED, ONLINE):
        emulator.jobs.start(online.finish_session, reference)
    for reference in emulator.exports.unfinished():
        emulator.jobs.start(Exporting(emulator).build_export, reference)
    for reference in emulator.operations.unfinished():
        emulator.jobs.start(PermissionWork(emulator).carry_out, reference)
