"""
How much the emulator bears: seed invoices for one company, watch its memory, and time exports.

``python -m benchmarks.emulator_scale --count 1000000`` from the checkout, with the packages of the tests.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.emulator.peer import Peer, by_storage, logged_in
from tests.emulator_process import NIP, EmulatorProcess, start_emulator

BETWEEN = {"from": "2026-03-01", "to": "2026-05-31"}
START, MIDDLE, END = "2026-03-01T00:00:00Z", "2026-04-15T00:00:00Z", "2026-05-31T00:00:00Z"


@contextmanager
def timed(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - started:.2f} s", flush=True)


def seed(emulator: EmulatorProcess, count: int) -> None:
    order = {"nip": NIP, "subjectType": "Subject2", "count": count, "seed": 7, **BETWEEN}
    httpx.post(f"{emulator.origin}/_emulator/seed", json=order, timeout=None).raise_for_status()


def export(peer: Peer, *, only_metadata: bool, start: str, date_type: str = "PermanentStorage") -> None:
    what = f"export of {'metadata' if only_metadata else 'documents'} by {date_type} from {start[:10]}"
    begun = time.perf_counter()
    filters = by_storage(start=start, end=END)
    filters["dateRange"]["dateType"] = date_type
    started = peer.start_export(filters, onlyMetadata=only_metadata)
    answered = time.perf_counter()
    status = peer.export_status(started)
    package = status["package"]
    print(
        f"{what}: answered in {answered - begun:.3f} s, ready after {time.perf_counter() - begun:.2f} s, "
        f"{package['invoiceCount']} invoices, {package['size'] / 1e6:.1f} MB",
        flush=True,
    )


def most_memory(emulator: EmulatorProcess) -> float:
    """The most that the process ever held, in megabytes, as Linux tells it."""
    status = Path(f"/proc/{emulator.process.pid}/status").read_text(encoding="ascii")
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    count = parser.parse_args().count
    emulator = start_emulator("--hwm-lag", "0")
    try:
        with timed(f"seeding {count} invoices"):
            seed(emulator, count)
        print(f"most memory until here: {most_memory(emulator):.0f} MB", flush=True)
        with logged_in(emulator) as peer:
            for start in (START, MIDDLE):
                export(peer, only_metadata=True, start=start)
                export(peer, only_metadata=False, start=start)
            for date_type in ("Invoicing", "Issue"):
                export(peer, only_metadata=True, start=MIDDLE, date_type=date_type)
            with timed("last page of the metadata query"):
                filters = by_storage(start=MIDDLE, end=END)
                peer.query(filters, pageSize=250, pageOffset=39).raise_for_status()
        with timed("list of all KSeF numbers"):
            emulator.ksef_numbers()
        print(f"most memory: {most_memory(emulator):.0f} MB")
    finally:
        emulator.stop()


if __name__ == "__main__":
    main()
