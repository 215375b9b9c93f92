"""Many invoices: a coarse guard; ``benchmarks/emulator_scale.py`` measures a million."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from tests.emulator.peer import by_storage, logged_in
from tests.emulator_process import NIP, EmulatorProcess

MANY = 20_000
MEGABYTE = 1_000_000


def test_many_invoices_take_little_memory_and_an_export_of_them_little_work(
    emulators: Callable[..., EmulatorProcess],
) -> None:
    """The processor's time is compared, so that a busy machine fails no test."""
    emulator = emulators("--hwm-lag", "0")
    process = psutil.Process(emulator.process.pid)
    empty = process.memory_info().rss
    between = {"from": "2026-03-01", "to": "2026-03-31"}
    emulator.control("seed", nip=NIP, subjectType="Subject2", count=MANY, **between)
    assert process.memory_info().rss - empty < 120 * MEGABYTE
    with logged_in(emulator) as peer:
        before = process.cpu_times()
        package, _ = peer.export(by_storage(end="2026-04-01T00:00:00Z"), onlyMetadata=True)
        after = process.cpu_times()
    assert (package["invoiceCount"], package["isTruncated"]) == (10_000, True)
    assert after.user - before.user + after.system - before.system < 2
    assert process.memory_info().rss - empty < 200 * MEGABYTE
