"""The process: how it starts, stops, and what it remembers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.emulator.packing import Upload, make_zip
from tests.emulator.peer import APRIL, Peer, by_storage
from tests.emulator_process import NIP, EmulatorProcess

MARCH = ("--seed-from", "2026-03-01", "--seed-to", "2026-03-20")
SPRING = {"from": "2026-04-02", "to": "2026-04-20"}
COMMAND = [sys.executable, "-m", "airflow_provider_ksef.emulator"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_promptly_when_told(
    emulators: Callable[..., EmulatorProcess], number: signal.Signals
) -> None:
    emulator = emulators()
    Peer(emulator).log_in()
    started = time.monotonic()
    emulator.process.send_signal(number)
    assert emulator.process.wait(timeout=10) == 0
    assert time.monotonic() - started < 5


def test_it_ends_promptly_while_it_seeds(emulators: Callable[..., EmulatorProcess]) -> None:
    emulator = emulators()
    order = {"nip": NIP, "subjectType": "Subject2", "count": 200_000}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{emulator.origin}/_emulator/seed", json=order, timeout=1)
    started = time.monotonic()
    emulator.process.terminate()
    assert emulator.process.wait(timeout=10) == 0
    assert time.monotonic() - started < 5


def test_nothing_is_left_behind(
    emulators: Callable[..., EmulatorProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    emulator = emulators()
    assert list(tmp_path.iterdir())
    emulator.stop()
    assert list(tmp_path.iterdir()) == []


def test_state_survives_a_restart(
    emulators: Callable[..., EmulatorProcess], tmp_path: Path, sales: dict[str, bytes]
) -> None:
    options = ("--state", str(tmp_path / "ksef.sqlite"), "--hwm-lag", "0", "--seed-invoices", "10", *MARCH)
    before = Peer(emulators(*options))
    before.log_in()
    upload = Upload(make_zip(sales))
    opened = before.open_batch(upload)
    reference = opened.json()["referenceNumber"]
    before.put_parts(opened, upload.parts)
    started = before.start_export(by_storage(end=APRIL), onlyMetadata=True)
    package = before.export_status(started)["package"]
    before.emulator.control("rotate-keys", mode="emergency")
    keys = before.http.get("/security/public-key-certificates").json()
    before.emulator.control("latarnia", status="FAILURE", text="Awaria.")
    before.http.post("/testdata/rate-limits/production")
    before.emulator.control("seed", nip=NIP, count=3, seed=9, **SPRING)
    before.emulator.control("clock", advance=600)
    challenge = before.challenge()
    numbers = before.emulator.ksef_numbers()
    before.emulator.process.kill()

    after = Peer(emulators(*options))
    after.http.headers.update(before.http.headers)
    assert after.emulator.ksef_numbers() == numbers
    assert after.http.get("/security/public-key-certificates").json() == keys
    assert after.export_status(started)["package"]["parts"][0]["partHash"] == package["parts"][0]["partHash"]
    assert after.challenge()["timestampMs"] >= challenge["timestampMs"]
    assert after.http.get(after.emulator.origin + "/latarnia/status").json()["status"] == "FAILURE"
    link = after.export_status(started)["package"]["parts"][0]["url"]
    assert after.links.get(link).status_code == 200
    assert after.close_batch(reference).status_code == 204
    assert after.session(reference)["successfulInvoiceCount"] == len(sales)
    after.emulator.control("seed", nip=NIP, count=3, seed=9, **SPRING)  # the next three of the series
    assert len(set(after.emulator.ksef_numbers())) == len(numbers) + 3
    answers = [after.http.get("/limits/context").status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_a_batch_that_was_being_processed_is_finished_after_a_restart(
    emulators: Callable[..., EmulatorProcess], tmp_path: Path, sales: dict[str, bytes]
) -> None:
    state = ("--state", str(tmp_path / "ksef.sqlite"))
    before = Peer(emulators(*state, "--delay", "30"))
    before.emulator.control("clock", advance=1)
    submitted = before.submit_token()
    before.emulator.control("clock", advance=60)
    operation = {"Authorization": f"Bearer {submitted.json()['authenticationToken']['token']}"}
    redeemed = before.http.post("/auth/token/redeem", headers=operation).json()
    before.http.headers["Authorization"] = f"Bearer {redeemed['accessToken']['token']}"
    reference = before.send(Upload(make_zip(sales)))
    before.emulator.process.kill()

    after = Peer(emulators(*state))
    after.http.headers.update(before.http.headers)
    assert after.session(reference)["successfulInvoiceCount"] == len(sales)
    assert len(after.emulator.ksef_numbers(subject_type="Subject1")) == len(sales)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--nip", "123"], "ten digits"),
        (["--nip", NIP, "--token", "a", "--token", "b"], "pairs"),
        (["--port", "70000"], "--port"),
        (["--public-url", "ksef.example"], "origin"),
        (["--state", "/no/such/folder/state.sqlite"], "no folder"),
        (["--xsd-dir", "/no/such/folder"], "no such folder"),
        (["--seed-from", "soon"], "soon"),
        (["--hwm-lag", "-1"], "not negative"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(arguments: list[str], word: str) -> None:
    ended = run("--port", "0", *arguments)
    assert ended.returncode == 2
    assert word in ended.stderr
    assert ended.stdout == ""


def test_a_port_that_is_taken_is_told(emulators: Callable[..., EmulatorProcess]) -> None:
    port = emulators().origin.rsplit(":", 1)[1]
    ended = run("--port", port)
    assert ended.returncode == 2
    assert "in use" in ended.stderr


def test_the_help_tells_how_to_log_in() -> None:
    ended = run("--help")
    assert ended.returncode == 0
    assert f"nip-{NIP}" in ended.stdout.replace("\n", "").replace(" ", "")


def test_invoices_are_checked_by_the_schemas_that_are_given(
    emulators: Callable[..., EmulatorProcess], shared_ksef: Path, sales: dict[str, bytes]
) -> None:
    peer = Peer(emulators("--xsd-dir", str(shared_ksef / "xsd")))
    peer.log_in()
    name, xml = next(iter(sales.items()))
    wrong = xml.replace(b"<WariantFormularza>3<", b"<WariantFormularza>4<")
    codes = [each["status"]["code"] for each in peer.send_files({name: xml, "wrong.xml": wrong})]
    assert codes == [200, 450]
