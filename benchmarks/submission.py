"""
How long a batch of invoices takes from files to KSeF's judgement, against the emulator on the same machine.

``python -m benchmarks.submission --count 10000`` from the checkout, with the packages of the tests, prints
the seconds of each step, and which share of the whole passes before the emulator begins to judge.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from upath import UPath

from airflow_provider_ksef.client import ContextIdentifier, KsefClient, batch, sessions
from airflow_provider_ksef.client.checks.files import check_files
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.invoice_files import find_invoices
from airflow_provider_ksef.client.packing import pack_batch
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.emulator.samples import make_samples
from tests.emulator_process import NIP, start_emulator
from tests.system.client_ways import new_key, settings_of

_FORM = "FA (3)"
_POLL_SECONDS = 0.05
_JUDGING = "close until judged"
"""What the emulator does, while we ask for the status."""


class Steps:
    """What each step took, in seconds, by its name."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.taken[name] = time.perf_counter() - started
        print(f"{name:20} {self.taken[name]:8.3f} s", flush=True)


def submit(folder: Path, work_dir: Path, ksef: KsefClient, steps: Steps, compression: str) -> SessionStatus:
    """Do what the operator does, by the same functions."""
    key = new_key()
    ksef.log_in()
    with steps.step("find and check"):
        rules = CheckRules(form_code=_FORM, context=ContextIdentifier("Nip", NIP))
        report = check_files(find_invoices([UPath(folder)]), rules)
    assert not report.problems, report.problems[0]
    with steps.step("pack"):
        package = pack_batch([file.to_pack for file in report.files], key, work_dir, compression=compression)
    with steps.step("open and upload"):
        session = ksef.run(batch.open_session(_FORM, package, key))
        ksef.upload_parts(session.uploads, package.parts)
    with steps.step(_JUDGING):
        ksef.run(batch.close_session(session.reference_number))
        while not (status := ksef.run(sessions.get_status(session.reference_number))).is_final:
            time.sleep(_POLL_SECONDS)
    return status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="of invoices")
    parser.add_argument("--compression", choices=("zip", "tar.gz"), default="zip")
    arguments = parser.parse_args()
    emulator = start_emulator()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            KsefClient(settings_of(emulator, timeout=600.0)) as ksef,
        ):
            (invoices := Path(folder) / "invoices").mkdir()
            (work_dir := Path(folder) / "parts").mkdir()
            for sample in make_samples(NIP, arguments.count, 0, 1, datetime.now(UTC).date().replace(day=1)):
                (invoices / sample.name).write_bytes(sample.xml)
            steps = Steps()
            status = submit(invoices, work_dir, ksef, steps, arguments.compression)
    finally:
        emulator.stop()
    total = sum(steps.taken.values())
    before = total - steps.taken[_JUDGING]
    print(f"{status.accepted_count} of {status.invoice_count} invoices were accepted.")
    print(f"{total:.2f} s in all, {before:.2f} s ({before / total:.0%}) of them before the emulator judges.")


if __name__ == "__main__":
    main()
