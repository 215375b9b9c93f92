"""Runs that manage a company, and what they must have come to in the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from airflow_provider_ksef.client import KsefClient, TokenCredential, certificate_enrollment, permissions
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.permission_details import PersonById
from airflow_provider_ksef.client.permission_grants import PersonPermissionsGrantRequest
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefLoginError
from airflow_provider_ksef.operators.held_certificates import held_serial
from airflow_provider_ksef.operators.secret_sinks import FileSink, NewSecret
from airflow_provider_ksef.operators.token_making import held_reference
from tests.emulator.signing import seal
from tests.emulator_process import NIP
from tests.scheduler.begun import Begun
from tests.scheduler.watched import WatchedEmulator
from tests.scheduler.whole_airflow import WholeAirflow
from tests.system.certificate_ways import client_of
from tests.system.conftest import seed
from tests.system.secret_search import private_key_spellings, token_spellings

OWNER = seal(f"VATPL-{NIP}")
ANNA, OFFICE = "Pesel:30112206276", "Nip:1111111111"
LEFT = SubjectIdentifier("Pesel", "02070803628")
NAME = "Sync 2026"
WANTED = {(ANNA, "InvoiceRead", False), (ANNA, "InvoiceWrite", False), (OFFICE, "InvoiceRead", True)}
"""What ``ksef_managed.py`` wants."""


def own(airflow: WholeAirflow, emulator: WatchedEmulator) -> None:
    """Let the emulator's connection log in as the company itself."""
    extra = {"certificate": OWNER.pem.decode(), "private_key": OWNER.key_pem.decode()}
    connection = emulator.process.connection(password="", extra=json.dumps(extra))
    airflow.connect(**{emulator.conn_id: connection})


def begin(airflow: WholeAirflow, task_id: str, how: str, emulator: WatchedEmulator) -> Begun:
    """
    Start a run whose only task manages a company in which something is to be changed.

    :param task_id: ``permissions``, ``token`` or ``certificate``.
    :param how: ``in_place`` or ``deferred``.
    """
    own(airflow, emulator)
    sink = airflow.sinks / f"struck_{task_id}_{how}"
    with client_of(emulator.process) as owner:
        if task_id == "permissions":
            who = PersonById("Bolesław", "Bąk")
            request = PersonPermissionsGrantRequest(LEFT, ["InvoiceRead"], "has left", who)
            grant = owner.run(permissions.grant(request, owner.settings.context))
            owner.run(permissions.wait_for_operation(grant))
        elif task_id == "certificate":
            issued = owner.run(certificate_enrollment.obtain(NAME, "Authentication"))
            FileSink(sink).save(NewSecret("", issued.certificate.pem, issued.request.private_key_pem()))
    run = airflow.trigger(f"struck_{task_id}_{how}", conn=emulator.conn_id)
    return Begun(run, task_id, emulator, sink)


def begin_all(airflow: WholeAirflow, emulator: WatchedEmulator, folder: Path) -> Begun:
    """
    Start a run of ``managed``, where all that manages a company is done.

    :param folder: for the audit's tables.
    """
    own(airflow, emulator)
    seed(emulator.process, 3, subject_type="Subject1")
    numbers = emulator.process.ksef_numbers(subject_type="Subject1")
    given = {"conn": emulator.conn_id, "tables_path": str(folder), "ksef_numbers": numbers}
    return Begun(airflow.trigger("managed", **given), "audit", emulator, folder)


def check(airflow: WholeAirflow, begun: Begun) -> None:
    """Hold what came of a run against what the emulator has."""
    if begun.task_id == "permissions":
        assert begun.emulator.permissions() == WANTED
    elif begun.task_id == "token":
        check_token(airflow, begun.emulator, begun.folder)
    else:
        check_certificate(airflow, begun.emulator, begun.folder)
    assert not airflow.task_state(begun.run)


def check_token(airflow: WholeAirflow, emulator: WatchedEmulator, sink: Path) -> None:
    """The one active token of its kind is the one in the file, and lets in."""
    secret = _kept(airflow, sink)
    assert emulator.active_tokens("for the sync") == [held_reference(FileSink(sink))]
    assert _lets_in(emulator, secret)


def check_certificate(airflow: WholeAirflow, emulator: WatchedEmulator, sink: Path) -> None:
    """The one active certificate of its name is the one in the file, and lets in."""
    secret = _kept(airflow, sink)
    assert emulator.active_certificates(NAME) == [held_serial(FileSink(sink))]
    assert _lets_in(emulator, secret)


def _kept(airflow: WholeAirflow, sink: Path) -> NewSecret:
    """Read what a task has put into a file, which from now on is looked for everywhere else."""
    assert list(sink.parent.glob(f"*{sink.name}*")) == [sink], "not this file alone"
    assert sink.stat().st_mode & 0o777 == 0o600
    secret = FileSink(sink).read()
    assert secret is not None
    airflow.secrets |= token_spellings(secret.token) if secret.token else set()
    airflow.secrets |= private_key_spellings(secret.private_key) if secret.private_key else set()
    return secret


def _lets_in(emulator: WatchedEmulator, secret: NewSecret) -> bool:
    credential = (
        TokenCredential(secret.token)
        if secret.token
        else read_certificate(secret.certificate, secret.private_key)
    )
    settings = replace(client_of(emulator.process).settings, credential=credential)
    try:
        with KsefClient(settings) as visitor:
            visitor.log_in()
    except KsefLoginError:
        return False
    return True
