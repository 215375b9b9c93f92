"""A new credential whose tasks are killed at random, by retries and by DAG runs that know nothing of them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from airflow_provider_ksef.client import KsefClient, ksef_certificates, test_data, tokens
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.credentials import TokenCredential
from airflow_provider_ksef.operators.held_certificates import held_serial
from airflow_provider_ksef.operators.secret_sinks import FileSink
from airflow_provider_ksef.operators.token_making import held_reference
from tests.crash.attempt import Fate
from tests.crash.strikes import Strikes
from tests.crash.victim import Task
from tests.emulator_process import EmulatorProcess
from tests.system.certificate_ways import client_of
from tests.system.managing_ways import OWNER

KINDS = ("generate", "enroll", "rotate")
MOST_TRIES = 40
NAME = "Killed 2026"
USUAL_SECONDS = 1.5
_SINK = tuple(
    f"sink: {name}{done}" for name in ("keep_pending", "save", "drop_pending") for done in ("", " done")
)
_CERTIFICATE = (
    "GET certificates/enrollments/data",
    *("POST certificates/enrollments",) * 3,
    "GET certificates/enrollments",
    "POST certificates/query",
    "POST certificates/retrieve",
    "POST auth/xades-signature",
    *_SINK,
)
STEPS = {
    "generate": ("POST tokens", "GET tokens", "DELETE tokens", *_SINK),
    "enroll": _CERTIFICATE,
    "rotate": (*_CERTIFICATE, "POST certificates/revoke"),
}
_FAULTS = {
    "generate": (("POST", "/tokens$"), ("GET", "/tokens/[^/]+$")),
    "enroll": (("POST", "/certificates/enrollments$"), ("POST", "/certificates/retrieve$")),
    "rotate": (("POST", "/certificates/enrollments$"), ("POST", "/certificates/[^/]+/revoke$")),
}


@dataclass
class Making:
    """
    One run: a task that makes a credential, struck a few times, by retries and later DAG runs.
    """

    emulator: EmulatorProcess
    processes: ForkServerContext
    folder: Path
    seed: int

    def __post_init__(self) -> None:
        self.rng = random.Random(f"making {self.seed}")
        self.kind = KINDS[self.seed % len(KINDS)]
        self.strikes = Strikes(self.rng, self.rng.randint(1, 4))
        self.has_state = self.rng.random() < 0.5
        (self.folder / "sink").mkdir()
        self.sink = FileSink(self.folder / "sink" / "secret")
        extra = {"certificate": OWNER.pem.decode(), "private_key": OWNER.key_pem.decode()}
        connection = self.emulator.connection(password="", extra=json.dumps(extra))
        self.environment = {"AIRFLOW_CONN_KSEF_DEFAULT": connection}
        self.given = {"sink": self.sink, "deferrable": self.rng.random() < 0.5, "poll_interval": 0.1}

    def play(self) -> dict[str, Any]:
        """Strike and begin anew until the task has succeeded unharmed; give its result."""
        self.emulator.control("reset")
        if self.kind == "rotate":
            self._let_one_expire()
        run = 1
        for _ in range(MOST_TRIES):
            if self.rng.random() < 0.5 and self.strikes.left:
                method, path = self.rng.choice(_FAULTS[self.kind])
                drop = self.rng.choice(["before", "after"])
                self.emulator.control("faults", method=method, path=path, times=1, drop=drop)
            task = self._task(self.kind, f"run-{run}")
            fate = self.strikes.fate(
                USUAL_SECONDS, STEPS[self.kind], [1, 1, 2, 3], after="POST auth/challenge"
            )
            how, attempt = self.strikes.let(self.processes, task, fate)
            if how == "succeeded":
                return dict(attempt.last("succeeded"))
            run += self.rng.choice([0, 1])
        raise AssertionError(f"{MOST_TRIES} tries, the last one told {attempt.told}")

    def check(self, result: dict[str, Any]) -> None:
        """Find one credential, in force in the sink, made by one application, and nothing else of it."""
        assert self.sink.read_pending() is None
        assert [each.name for each in (self.folder / "sink").iterdir()] == ["secret"]
        with client_of(self.emulator) as ksef:
            if self.kind == "generate":
                reference = result["token_reference_number"]
                assert held_reference(self.sink) == reference
                self._check_within_seconds(lambda: _active_tokens(ksef), {reference})
            else:
                serial = result["certificate_serial_number"]
                assert held_serial(self.sink) == serial
                self._check_within_seconds(lambda: _active_certificates(ksef), {serial})
                enrollment = ksef.run(ksef_certificates.limits()).enrollment
                assert enrollment.limit - enrollment.remaining == (2 if self.kind == "rotate" else 1)
        self._check_lets_in()

    def _check_within_seconds(self, ask: Callable[[], set[str]], wanted: set[str]) -> None:
        for _ in range(20):
            if (found := ask()) == wanted:
                return
            time.sleep(0.1)
        assert found == wanted

    def _check_lets_in(self) -> None:
        held = self.sink.read()
        assert held is not None
        credential = (
            TokenCredential(held.token)
            if held.token
            else read_certificate(held.certificate, held.private_key)
        )
        with client_of(self.emulator) as owner:
            settings = owner.settings
        with KsefClient(type(settings)(settings.environment, settings.context, credential)) as ksef:
            ksef.log_in()

    def _task(self, kind: str, run_id: str) -> Task:
        own = {"permissions": ["InvoiceRead"], "description": NAME}
        parameters = own if kind == "generate" else {"certificate_name": NAME}
        return Task(
            kind,
            run_id,
            self.folder,
            self.environment,
            {**parameters, **self.given},
            has_state=self.has_state,
        )

    def _let_one_expire(self) -> None:
        unharmed = Strikes(self.rng, 0)
        how, attempt = unharmed.let(self.processes, self._task("enroll", "before"), Fate())
        assert how == "succeeded"
        serial = attempt.last("succeeded")["certificate_serial_number"]
        with client_of(self.emulator) as ksef:
            soon = datetime.now(UTC) + timedelta(days=10)
            ksef.run(test_data.update_certificate(ksef.settings.environment, serial, soon))


def _active_tokens(ksef: KsefClient) -> set[str]:
    found = ksef.run(tokens.query(statuses=["Active", "Pending"], description=NAME))
    return {each.reference_number for each in found}


def _active_certificates(ksef: KsefClient) -> set[str]:
    found = ksef.run(ksef_certificates.query(name=NAME, status="Active"))
    return {each.certificate_serial_number for each in found}
