"""A submission that is killed at random and begun anew, while the way to KSeF fails now and then."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.samples import ONLY_KSEF, Sample, make_samples
from airflow_provider_ksef.tables.reading import read
from tests.crash.ksefs_side import held_hashes, order_faults
from tests.crash.strikes import Strikes
from tests.crash.victim import Task
from tests.emulator_process import NIP, EmulatorProcess

MOST_TRIES = 60
STEPS = {
    "submit": ("POST sessions/batch", "PUT", "POST sessions/batch/close", "GET sessions", "GET storage"),
    "send": (
        "POST sessions/online",
        "POST sessions/online/invoices",
        "POST sessions/online/invoices",
        "POST sessions/online/close",
        "GET sessions",
        "GET storage",
    ),
}
USUAL_SECONDS = 0.8


@dataclass
class Sending:
    """
    One run: a task that sends a folder, struck a few times.

    :param met: faults that were ordered.
    """

    emulator: EmulatorProcess
    processes: ForkServerContext
    folder: Path
    seed: int
    met: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"sending {self.seed}")
        self.strikes = Strikes(self.rng, self.rng.randint(1, 5))
        self.outgoing = self.folder / "outgoing"
        self.kind = "send" if self.seed % 4 == 2 else "submit"
        self.has_state, self.keeps_rows = self._memories()
        self.samples = self._samples()
        self.environment = {"AIRFLOW_CONN_KSEF_DEFAULT": self.emulator.connection()}

    def _memories(self) -> tuple[bool, bool]:
        """Give a task state store or the table ``submissions``; one by one also both of them, and neither."""
        if self.kind == "submit":
            return self.seed % 4 != 1, self.seed % 2 == 1
        return ((True, False), (False, True), (True, True), (False, False))[self.seed // 4 % 4]

    def play(self) -> dict[str, Any]:
        """Strike and begin anew until the task has succeeded unharmed; give its result."""
        self.emulator.control("reset")
        self.outgoing.mkdir()
        for sample in self.samples:
            (self.outgoing / sample.name).write_bytes(sample.xml)
        parameters = self._parameters()
        task = Task(self.kind, "run-1", self.folder, self.environment, parameters, has_state=self.has_state)
        for _ in range(MOST_TRIES):
            self.met.update(order_faults(self.emulator, self.rng, self.kind))
            fate = self.strikes.fate(USUAL_SECONDS, STEPS[self.kind], [1, 1, 2])
            how, attempt = self.strikes.let(self.processes, task, fate)
            if how == "succeeded":
                return dict(attempt.last("succeeded"))
        raise AssertionError(f"{MOST_TRIES} tries, the last one told {attempt.told}")

    def check(self, result: dict[str, Any]) -> None:
        """Hold KSeF's invoices against the files, and the result, the rows and the UPO against both."""
        held = held_hashes(self.emulator)
        doubled = {number: count for number, count in held.items() if len(count) > 1}
        assert not doubled, f"accepted twice: {doubled}"
        right = {sha256_base64(sample.xml) for sample in self.samples if not sample.code}
        assert set(held) == right, f"missing {right - set(held)}, too many {set(held) - right}"
        assert result["invoice_count"] == len(self.samples)
        assert result["accepted"] == len(right), result
        assert result["rejected"] == len(self.samples) - len(right), result
        if self.keeps_rows:
            self._check_rows(right)
        self._check_answers(held)

    def _check_rows(self, right: set[str]) -> None:
        rows = read("submissions", self.folder / "tables").to_pylist()
        kept = {row["invoice_hash"] for row in rows if row["state"] in ("accepted", "already_accepted")}
        assert kept == right, rows

    def _check_answers(self, held: dict[str, list[str]]) -> None:
        """Find one row that is accepted, and one UPO, for each number that KSeF has given."""
        numbers = sorted(number for given in held.values() for number in given)
        if self.keeps_rows:
            rows = read("submissions", self.folder / "tables").to_pylist()
            assert "sent" not in {row["state"] for row in rows}, rows
            accepted = [row for row in rows if row["state"] == "accepted"]
            assert sorted(row["ksef_number"] for row in accepted) == numbers, rows
            assert all(Path(row["upo_path"]).exists() for row in accepted), rows
        if self.keeps_rows or self.has_state:
            saved = sorted(file.stem for file in (self.folder / "upo").glob(f"*/{NIP}-*.xml"))
            assert saved == numbers, saved

    def _samples(self) -> list[Sample]:
        count = self.rng.randint(2, 12)
        wrong = self.rng.randint(0, count // 4)
        today = datetime.now(WARSAW).date()
        return make_samples(NIP, count, wrong, self.rng.randrange(10**6), today, ways=ONLY_KSEF)

    def _parameters(self) -> dict[str, Any]:
        tables = {"tables_path": str(self.folder / "tables")} if self.keeps_rows else {}
        own = {"submit": {"compression": self.rng.choice(["zip", "tar.gz"])}, "send": {}}
        return {
            **tables,
            **own[self.kind],
            "upo_path": str(self.folder / "upo"),
            "invoices": str(self.outgoing),
            "on_rejected": "warn",
            "poll_interval": 0.05,
        }
