"""One sync is mapped over twenty connections: each has rows, watermark and name of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_ksef.emulator.synthetic.identifiers import nip_from
from airflow_provider_ksef.tables import read
from tests.emulator_process import NIP
from tests.scheduler.watched import WatchedEmulators, token_of
from tests.scheduler.whole_airflow import WholeAirflow
from tests.unit.client.certificate_samples import SEAL, certificate_of, key_of, key_pem, pem

pytestmark = pytest.mark.system

COMPANIES = [NIP, *(nip_from(520_000_100 + 17 * number) for number in range(19))]
RUN_SECONDS = 240


def test_each_company_has_its_own_rows_watermark_and_name(
    airflow: WholeAirflow, watched: WatchedEmulators, tmp_path: Path
) -> None:
    others = [part for nip in COMPANIES[1:] for part in ("--nip", nip, "--token", token_of(nip))]
    emulator = watched("--hwm-lag", "0.2", *others).process
    now = datetime.now(UTC)
    period = {"from": (now - timedelta(days=5)).isoformat(), "to": (now - timedelta(hours=1)).isoformat()}
    for number, nip in enumerate(COMPANIES):
        emulator.control("seed", nip=nip, subjectType="Subject2", count=3 + number, seed=number, **period)
    key = key_of("secp256r1")
    certificate = {"certificate": pem(certificate_of(key, SEAL)), "private_key": key_pem(key)}
    by_certificate = emulator.connection(password=None, extra=json.dumps(certificate))
    by_token = {f"company_{nip}": emulator.connection(login=nip, password=token_of(nip)) for nip in COMPANIES}
    airflow.connect(**{**by_token, f"company_{NIP}": by_certificate})

    tables = tmp_path / "tables"
    conns = [f"company_{nip}" for nip in COMPANIES]
    sync_from = str((now - timedelta(days=7)).date())
    run = airflow.trigger("mapped_sync", conns=conns, tables_path=str(tables), sync_from=sync_from)
    airflow.wait([run], RUN_SECONDS)

    table = read("invoices", tables)
    watermarks = set()
    for number, nip in enumerate(COMPANIES):
        mine = [row["ksef_number"] for row in table.to_pylist() if row["context"] == f"nip-{nip}"]
        assert sorted(mine) == sorted(emulator.ksef_numbers(nip))
        result = airflow.result(run, "sync", number)
        assert result["rows"] == 3 + number
        watermarks.add(result["watermark"]["Subject2"])
    assert len(watermarks) == len(COMPANIES)
    names = "SELECT rendered_map_index FROM task_instance WHERE run_id = %s AND task_id = 'sync' "
    assert [row[0] for row in airflow.rows(names + "ORDER BY map_index", run.run_id)] == conns
