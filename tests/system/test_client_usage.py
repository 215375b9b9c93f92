"""What a client counts of itself is what the emulator counts of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from airflow_provider_ksef.client import AsyncKsefClient, KsefClient, batch, limits
from tests.emulator_process import EmulatorProcess
from tests.system.client_ways import final_status, new_key, opened, pack, samples, settings_of


def test_calls_and_bytes_of_a_batch_are_counted(emulator: EmulatorProcess, tmp_path: Path) -> None:
    key = new_key()
    package = pack(tmp_path, key, samples(12))
    with KsefClient(settings_of(emulator)) as ksef:
        session = opened(ksef, package, key)
        ksef.run(batch.close_session(session.reference_number))
        final_status(ksef, session.reference_number)
        before_logout = dict(ksef.usage.calls)
    asked = emulator.requests()
    calls = ksef.usage.calls
    assert calls["batchSession"] == calls["batchSessionClose"] == 1
    assert calls["sessionMisc"] == asked["GET /sessions/{referenceNumber}"]
    assert calls["storage"] == len(package.parts)
    assert sum(calls.values()) == sum(asked.values())
    assert calls["other"] == before_logout.get("other", 0) + 1
    uploaded = sum(part.size for part in package.parts)
    assert uploaded < ksef.usage.bytes_sent < uploaded + 20_000
    assert 2_000 < ksef.usage.bytes_received < 50_000


def test_each_try_of_a_rejected_call_is_counted(emulator: EmulatorProcess) -> None:
    answer = {"status": 429, "headers": {"Retry-After": "0"}, "body": "{}"}
    emulator.control("faults", method="GET", path="/v2/rate-limits", times=2, **answer)

    async def ask() -> AsyncKsefClient:
        async with AsyncKsefClient(settings_of(emulator)) as ksef:
            await ksef.run(limits.rate_limits())
        return ksef

    usage = asyncio.run(ask()).usage
    assert (usage.rejected, usage.calls["other"]) == (2, 4)
    assert sum(usage.calls.values()) == sum(emulator.requests().values())
    assert usage.bytes_received > 1_000
