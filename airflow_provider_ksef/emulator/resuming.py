"""Going on with what a stopped emulator had begun."""

from __future__ import annotations

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.exporting import Exporting
from airflow_provider_ksef.emulator.processing import BatchProcessing


def resume_work(emulator: Emulator) -> None:
    """Start the jobs of sessions and exports that a kept state says are unfinished."""
    for reference in emulator.sessions.unfinished():
        emulator.jobs.start(BatchProcessing(emulator).process_batch, reference)
    for reference in emulator.exports.unfinished():
        emulator.jobs.start(Exporting(emulator).build_export, reference)
