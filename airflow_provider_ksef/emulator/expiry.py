"""The end of sessions that nobody closed."""

from __future__ import annotations

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.finishing import discard_parts
from airflow_provider_ksef.emulator.online_processing import OnlineProcessing
from airflow_provider_ksef.emulator.store.sessions import BATCH


def end_expired_sessions(emulator: Emulator) -> None:
    """Cancel batches and close online sessions whose time has passed, with all that follows from a close."""
    for reference, kind in emulator.sessions.end_expired(emulator.clock.now()):
        if kind == BATCH:
            discard_parts(emulator, reference)
        else:
            emulator.jobs.start(OnlineProcessing(emulator).finish_session, reference)
