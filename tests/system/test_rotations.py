"""Certificates are renewed before they expire, and no instant is left without a working one."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.operators import enrolling
from airflow_provider_ksef.operators.known_certificates import KnownCertificates
from airflow_provider_ksef.operators.secret_sinks import FileSink
from tests.emulator_process import EmulatorProcess
from tests.system.credential_ways import (
    SOON,
    KilledError,
    active_certificates,
    enroll,
    kill_at,
    lets_in,
    rotate,
)
from tests.system.operator_context import NotedState, context


def test_a_rotation_renews_what_is_due_and_then_revokes_the_old_one(
    owned: EmulatorProcess, tmp_path: Path
) -> None:
    sink, elsewhere = FileSink(tmp_path / "pem"), FileSink(tmp_path / "elsewhere")
    in_use_elsewhere = enroll(elsewhere).execute(context())["certificate_serial_number"]
    first = rotate(sink).execute(context())
    assert (first["status"], first["revoked"]) == ("rotated", [])
    assert rotate(sink).execute(context())["status"] == "not_due"
    second = rotate(sink, renew_before=SOON).execute(context())
    assert second["status"] == "rotated"
    assert second["revoked"] == [first["certificate_serial_number"]]
    assert active_certificates() == {in_use_elsewhere, second["certificate_serial_number"]}
    assert lets_in(sink.read())


@pytest.mark.parametrize(
    ("given", "is_revoked"),
    [
        ({"certificate_type": "Offline"}, False),
        ({"certificate_type": "Offline", "revoke_old": True}, True),
        ({"revoke_old": False}, False),
    ],
)
def test_an_old_certificate_that_is_still_of_use_is_left(
    owned: EmulatorProcess, tmp_path: Path, given: dict[str, Any], is_revoked: bool
) -> None:
    sink = FileSink(tmp_path / "pem")
    old = rotate(sink, **given).execute(context())["certificate_serial_number"]
    told = rotate(sink, renew_before=SOON, **given).execute(context())
    assert told["revoked"] == ([old] if is_revoked else [])
    left = {told["certificate_serial_number"]} | (set() if is_revoked else {old})
    assert active_certificates() == left


@pytest.mark.parametrize("where", ["save", "log in", "revoke", "saved"])
def test_a_rotation_that_is_killed_never_leaves_the_sink_without_a_working_credential(
    owned: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    sink, state = FileSink(tmp_path / "pem"), NotedState()
    old = enroll(sink).execute(context())["certificate_serial_number"]

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    save = FileSink.save
    with monkeypatch.context() as patched:
        if where == "log in":
            patched.setattr(enrolling, "log_in_by", killed)
        elif where == "save":
            patched.setattr(FileSink, "save", killed)
        elif where == "saved":
            patched.setattr(FileSink, "save", lambda *given: (save(*given), killed()))
        else:
            patched.setattr(KnownCertificates, "revoke", killed)
        with pytest.raises(KilledError):
            rotate(sink, renew_before=SOON).execute(context(state))
    assert lets_in(sink.read())
    done = rotate(sink, renew_before=SOON if where in ("log in", "save") else timedelta(days=30))
    told = done.execute(context(state))
    assert old in told["revoked"]
    assert active_certificates() == {told["certificate_serial_number"]}
    assert lets_in(sink.read())
    assert state == {}


def test_a_rotation_that_was_killed_is_completed_also_where_it_would_not_begin(
    owned: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FileSink(tmp_path / "pem")
    old = enroll(sink).execute(context())["certificate_serial_number"]
    kill_at(monkeypatch, rotate(sink, renew_before=SOON), "save")
    told = rotate(sink).execute(context())
    assert (told["status"], told["revoked"]) == ("rotated", [old])
    assert active_certificates() == {told["certificate_serial_number"]}
    assert rotate(sink).execute(context())["status"] == "not_due"


def test_a_rotation_of_the_tasks_own_credential(
    owned: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FileSink(tmp_path / "pem")
    enroll(sink).execute(context())
    extra = {"certificate": str(tmp_path / "pem"), "private_key": str(tmp_path / "pem")}
    connection = owned.connection(password="", extra=json.dumps(extra))
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", connection)
    told = rotate(sink, renew_before=SOON).execute(context())
    assert (told["status"], len(told["revoked"])) == ("rotated", 1)
    assert active_certificates() == {told["certificate_serial_number"]}
