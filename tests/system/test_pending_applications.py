"""An application for a certificate is gone on with by its key, whatever became of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_ksef.client.certificate_enrollment import EnrollmentStatus
from airflow_provider_ksef.exceptions import KsefStatusError, KsefTransportError
from airflow_provider_ksef.operators import pending_applications
from airflow_provider_ksef.operators.certificates import KsefRevokeCertificateOperator
from airflow_provider_ksef.operators.secret_sinks import FileSink
from tests.emulator_process import EmulatorProcess
from tests.system.credential_ways import (
    DEFERRED,
    REFERENCE,
    SOON,
    active_certificates,
    applications,
    enroll,
    kill_at,
    lets_in,
    rotate,
    run_deferred,
)
from tests.system.managing_ways import connect_as
from tests.system.operator_context import context


@pytest.fixture
def owned(slowly_owned: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> EmulatorProcess:
    """An emulator that takes its time, where one looks again soon for a certificate without an answer."""
    monkeypatch.setattr(pending_applications, "LOOKING_SECONDS", 0.1)
    return slowly_owned


@pytest.fixture
def sink(tmp_path: Path) -> FileSink:
    return FileSink(tmp_path / "secret")


def test_a_refused_application_fails_its_own_try_and_no_later_one(
    owned: EmulatorProcess, sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned.control("faults", kind="enrollment-status", code=400)
    with pytest.raises(KsefStatusError, match="status 400"):
        run_deferred(enroll(sink, **DEFERRED), context())
    assert sink.read_pending() is None
    owned.control("faults", kind="enrollment-status", code=550)
    monkeypatch.setattr(EnrollmentStatus, "is_final", property(lambda _: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        enroll(sink).execute(context())
    monkeypatch.undo()
    connect_as(monkeypatch, owned)
    refused = sink.read_pending()
    assert refused is not None
    assert enroll(sink).execute(context())["status"] == "enrolled"
    assert applications() == 3
    assert lets_in(sink.read())


def test_an_application_that_ksef_knows_no_more_is_found_by_its_key(
    owned: EmulatorProcess, sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(monkeypatch, enroll(sink), "save")
    pending = sink.read_pending()
    assert pending is not None
    sink.keep_pending(replace(pending, reference_number=REFERENCE))
    made = enroll(sink).execute(context())
    assert active_certificates() == {made["certificate_serial_number"]}
    assert applications() == 1
    assert lets_in(sink.read())


def test_an_application_without_answer_is_waited_for_and_not_repeated(
    owned: EmulatorProcess, sink: FileSink
) -> None:
    owned.control("faults", method="POST", path="/certificates/enrollments$", times=1, drop="after")
    with pytest.raises(KsefTransportError):
        enroll(sink).execute(context())
    none = {"certificates": [], "hasMore": False}
    owned.control("faults", method="POST", path="/certificates/query$", times=2, status=200, body=none)
    made = enroll(sink).execute(context())  # KSeF shows it at the third look alone
    assert active_certificates() == {made["certificate_serial_number"]}
    assert applications() == 1


def test_an_application_that_was_never_sent_is_sent_with_the_same_key(
    owned: EmulatorProcess, sink: FileSink
) -> None:
    owned.control("faults", method="POST", path="/certificates/enrollments$", times=1, drop="before")
    with pytest.raises(KsefTransportError):
        enroll(sink).execute(context())
    pending = sink.read_pending()
    assert pending is not None
    enroll(sink).execute(context())
    saved = sink.read()
    assert saved is not None
    assert saved.private_key == pending.private_key
    assert applications() == 1


def test_a_certificate_that_was_revoked_while_it_was_pending_is_applied_for_anew(
    owned: EmulatorProcess, sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(monkeypatch, enroll(sink), "save")
    (serial,) = active_certificates()
    KsefRevokeCertificateOperator(task_id="r", certificate_serial_number=serial).execute(context())
    assert enroll(sink).execute(context())["certificate_serial_number"] != serial
    assert lets_in(sink.read())


def test_what_was_saved_and_not_forgotten_is_finished(
    owned: EmulatorProcess, sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = enroll(sink).execute(context())["certificate_serial_number"]
    kill_at(monkeypatch, rotate(sink, renew_before=SOON), "drop_pending")
    told = rotate(sink).execute(context())
    assert (told["status"], told["revoked"]) == ("not_due", [old])
    assert sink.read_pending() is None
    assert lets_in(sink.read())
