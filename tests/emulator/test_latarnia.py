"""Latarnia: the public status service, and the control that decides what it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from ksef_client import KsefClient, KsefClientOptions
from ksef_client.models import LighthouseKsefStatus, LighthouseMessageCategory, LighthouseMessageType

from tests.emulator_process import EmulatorProcess


@pytest.fixture
def stranger(prompt: EmulatorProcess) -> Iterator[KsefClient]:
    """PyPI's client, told where Latarnia is."""
    options = KsefClientOptions(base_url=prompt.origin, base_lighthouse_url=f"{prompt.origin}/latarnia")
    with KsefClient(options) as client:
        yield client


def test_it_is_available_at_first(prompt: EmulatorProcess, stranger: KsefClient) -> None:
    assert httpx.get(f"{prompt.origin}/latarnia/status").json() == {"status": "AVAILABLE"}
    assert httpx.get(f"{prompt.origin}/latarnia/messages").json() == []
    assert stranger.lighthouse.get_status().status is LighthouseKsefStatus.AVAILABLE
    assert stranger.lighthouse.get_messages() == []


def test_a_failure_has_a_message_when_it_begins_and_one_when_it_ends(
    prompt: EmulatorProcess, stranger: KsefClient
) -> None:
    prompt.control("latarnia", status="FAILURE", text="Sesje nie odpowiadają.")
    status = stranger.lighthouse.get_status()
    assert status.status is LighthouseKsefStatus.FAILURE
    assert status.messages is not None
    assert [each.type for each in status.messages] == [LighthouseMessageType.FAILURE_START]
    assert status.messages[0].category is LighthouseMessageCategory.FAILURE
    assert status.messages[0].text == "Sesje nie odpowiadają."
    assert status.messages[0].end is None
    prompt.control("clock", advance=60)
    prompt.control("latarnia", status="AVAILABLE")
    assert stranger.lighthouse.get_status().messages is None
    ended, begun = stranger.lighthouse.get_messages()
    assert (ended.type, begun.type) == (
        LighthouseMessageType.FAILURE_END,
        LighthouseMessageType.FAILURE_START,
    )
    assert ended.event_id == begun.event_id
    assert (ended.version, begun.version) == (2, 1)
    assert ended.id != begun.id
    assert ended.end is not None
    assert ended.end > ended.start


def test_maintenance_is_announced_before_it_begins_and_ends_by_the_clock(
    prompt: EmulatorProcess, stranger: KsefClient
) -> None:
    start = datetime.now(UTC) + timedelta(hours=1)
    end = start + timedelta(hours=2)
    prompt.control("latarnia", status="MAINTENANCE", start=start.isoformat(), end=end.isoformat())
    assert stranger.lighthouse.get_status().status is LighthouseKsefStatus.AVAILABLE
    (announced,) = stranger.lighthouse.get_messages()
    assert announced.type is LighthouseMessageType.MAINTENANCE_ANNOUNCEMENT
    assert announced.end is not None
    assert announced.start < announced.end
    states = []
    for _ in range(2):
        prompt.control("clock", advance=2 * 3600)
        states.append(stranger.lighthouse.get_status().status)
    assert states == [LighthouseKsefStatus.MAINTENANCE, LighthouseKsefStatus.AVAILABLE]


def test_the_worst_of_what_is_running_is_told(prompt: EmulatorProcess) -> None:
    for status in ("FAILURE", "TOTAL_FAILURE", "MAINTENANCE"):
        answer = prompt.control("latarnia", status=status)
    assert answer["status"] == "TOTAL_FAILURE"
    assert len(answer["messages"]) == 3
    assert prompt.control("latarnia", status="AVAILABLE") == {"status": "AVAILABLE"}


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"status": "BROKEN"}, "status"),
        ({"status": "FAILURE", "start": "soon"}, "soon"),
        ({"status": "FAILURE", "start": "2026-03-02", "end": "2026-03-01"}, "after"),
    ],
)
def test_a_state_that_makes_no_sense_is_refused(
    prompt: EmulatorProcess, members: dict[str, str], word: str
) -> None:
    answer = httpx.post(f"{prompt.origin}/_emulator/latarnia", json=members)
    assert answer.status_code == 400
    assert word in answer.text


def test_its_calls_are_counted_and_may_fail(prompt: EmulatorProcess) -> None:
    prompt.control("faults", path="^/latarnia/status$", status=503)
    assert [httpx.get(f"{prompt.origin}/latarnia/status").status_code for _ in range(2)] == [503, 200]
    assert prompt.requests()["GET /latarnia/status"] == 2
