"""Metrics of Airflow, as a StatsD server receives them over UDP."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils

from tests.emulator_process import EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, OWN_DAGS, run_dag
from tests.system.conftest import seed

LINE = re.compile(r"(ksef\.[a-z_]+)((?:,\w+=[\w.-]+)*):([\d.]+)\|(c|ms)")


class Server:
    """A StatsD server: a UDP socket, and what arrived there."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.3)

    def counts(self) -> Counter[tuple[str, str]]:
        """Sums by metric and the tag that is its own, such as a group."""
        sums: Counter[tuple[str, str]] = Counter()
        try:
            while True:
                for line in self.socket.recv(65536).decode().splitlines():
                    if found := LINE.fullmatch(line):
                        name, tags, number, _ = found.groups()
                        known = dict(tag.split("=") for tag in tags.split(",")[1:])
                        assert known.pop("dag_id") in {"example_ksef_sync_invoices", "submit_in_place"}
                        assert known.pop("task_id") in {"sync", "submit", "processed", "upo"}
                        sums[name, "".join(known.values())] += int(float(number))
        except TimeoutError:
            return sums


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A StatsD server to which Airflow sends as its configuration says, with tags in InfluxDB's form."""
    server = Server()
    host, port = server.socket.getsockname()
    options = {"statsd_on": "True", "statsd_host": host, "statsd_port": str(port)}
    for name, value in {**options, "statsd_influxdb_enabled": "True", "statsd_prefix": ""}.items():
        monkeypatch.setenv(f"AIRFLOW__METRICS__{name.upper()}", value)
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    yield server
    server.socket.close()
    monkeypatch.undo()
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)


def test_a_sync_tells_invoices_calls_and_bytes(
    connected: EmulatorProcess, statsd: Server, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    seed(connected, 30, now - timedelta(days=7), now - timedelta(hours=1))
    conf = {"tables_path": str(tmp_path / "tables"), "sync_from": str(now.date() - timedelta(days=9))}
    dag_id = "example_ksef_sync_invoices"
    assert run_dag(EXAMPLES / f"{dag_id}.py", dag_id, conf).state == "success"
    counts = statsd.counts()
    assert counts["ksef.invoices_received", "Subject2"] == 30
    assert counts["ksef.calls", "invoiceExport"] == connected.requests()["POST /invoices/exports"]
    assert counts["ksef.calls", "storage"] == 1
    assert counts["ksef.bytes_received", ""] > 1000
    assert counts["ksef.bytes_sent", ""] > 100


def test_a_submission_tells_what_became_of_the_invoices(
    connected: EmulatorProcess, statsd: Server, outgoing: Path, tmp_path: Path
) -> None:
    conf = {"invoices": str(outgoing), "upo_path": str(tmp_path / "upo")}
    assert run_dag(OWN_DAGS, "submit_in_place", conf).state == "success"
    counts = statsd.counts()
    assert (counts["ksef.invoices_accepted", ""], counts["ksef.invoices_rejected", ""]) == (23, 2)
    assert counts["ksef.calls", "batchSession"] == 1


def test_an_unreachable_server_costs_no_task(
    connected: EmulatorProcess, statsd: Server, outgoing: Path, tmp_path: Path
) -> None:
    statsd.socket.close()
    conf = {"invoices": str(outgoing), "upo_path": str(tmp_path / "upo")}
    assert run_dag(OWN_DAGS, "submit_in_place", conf).state == "success"
