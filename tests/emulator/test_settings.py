"""Settings that change while the emulator runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.emulator.peer import APRIL, Peer, by_storage
from tests.emulator_process import NIP, EmulatorProcess


def test_what_the_command_line_said_is_told_and_comes_back_with_a_reset(prompt: EmulatorProcess) -> None:
    url = f"{prompt.origin}/_emulator/settings"
    first = {"delay": 0, "hwmLag": 0, "exportCap": 50, "rateLimits": "off", "longestRange": "100 days"}
    assert httpx.get(url).json() == first
    changed = prompt.control("settings", hwmLag=7, longestRange="3 months")
    assert changed == {**first, "hwmLag": 7, "longestRange": "3 months"}
    assert httpx.get(url).json() == changed
    prompt.control("reset")
    assert httpx.get(url).json() == first


def test_the_cap_of_exports_changes(received: Peer) -> None:
    assert received.export(by_storage(end=APRIL), onlyMetadata=True)[0]["invoiceCount"] == 50
    received.emulator.control("settings", exportCap=70)
    package, _ = received.export(by_storage(end=APRIL), onlyMetadata=True)
    assert (package["invoiceCount"], package["isTruncated"]) == (70, True)


def test_work_takes_as_long_as_is_said(peer: Peer) -> None:
    peer.emulator.control("settings", delay=60)
    started = peer.start_export(by_storage(end=APRIL))
    assert peer.http.get(f"/invoices/exports/{started.json()['referenceNumber']}").json() == {
        "status": {"code": 100, "description": "Eksport faktur w toku"}
    }


def test_the_high_water_mark_stays_behind_as_far_as_is_said(
    emulators: Callable[..., EmulatorProcess],
) -> None:
    peer = Peer(emulators("--hwm-lag", "0"))
    peer.log_in()
    peer.emulator.control("settings", hwmLag=3600)
    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=3)
    filters = by_storage(start=f"{datetime.now(UTC).date()}T00:00:00Z")
    assert peer.query(filters).json()["invoices"] == []
    peer.emulator.control("settings", hwmLag=0)
    assert len(peer.query(filters).json()["invoices"]) == 3


@pytest.mark.parametrize(
    "members",
    [
        {"delay": -1},
        {"exportCap": 0},
        {"exportCap": 10_001},
        {"rateLimits": "some"},
        {"longestRange": "2 years"},
        {"hwmLag": "long"},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(prompt: EmulatorProcess, members: dict[str, Any]) -> None:
    answer = httpx.post(f"{prompt.origin}/_emulator/settings", json=members)
    assert answer.status_code == 400
    assert next(iter(members)) in answer.text
