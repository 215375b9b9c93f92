"""The demo's story, step by step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from example_dags.demo.airflow_runs import CHECKOUT, DemoAirflow
from example_dags.demo.analyst import QUESTIONS, answer, compare, open_invoices
from example_dags.demo.console import complain, say, step
from example_dags.demo.emulator import Emulator, running_emulator

NIP = "5250001210"
TOKEN = "20260901-EC-1A2B3CC000-0F1E2D3C53-D1|nip-5250001210|" + 64 * "0"
SENT, WRONG = 25, 2
LATER = 100
HWM_LAG = 2.0
DAYS = 90
OUTPUT = CHECKOUT / "demo-output"


def main() -> int:
    """Run the demo; 0 where every number is right."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job begins with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        count = _count()
        shutil.rmtree(OUTPUT, ignore_errors=True)
        OUTPUT.mkdir()
        say("Starting a local KSeF ...")
        with running_emulator(NIP, TOKEN, HWM_LAG) as emulator:
            say(f"It runs at {emulator.url}; nothing leaves this machine.")
            return _story(emulator, count)
    except KeyboardInterrupt:
        complain("\ndemo: interrupted; everything that was started is stopped")
        return 130
    except (RuntimeError, ValueError) as error:
        complain(f"demo: {error}")
        return 1


def _story(emulator: Emulator, count: int) -> int:
    airflow = DemoAirflow(
        OUTPUT / "airflow",
        {"conn_type": "ksef", "login": NIP, "password": TOKEN, "host": emulator.url},
    )
    tables = OUTPUT / "tables"
    now = datetime.now(UTC)
    first_day = now - timedelta(days=DAYS)
    with step(f"Suppliers issue {count} invoices to NIP {NIP} over three months"):
        emulator.seed(
            NIP,
            count,
            seed=1,
            **{"from": first_day.isoformat(), "to": (now - timedelta(minutes=5)).isoformat()},
        )
    with step("Preparing an Airflow with a database of its own (airflow db migrate)"):
        airflow.prepare()
    right = _send(airflow)
    first = _sync(airflow, tables, first_day, "sync-1", f"Fetching what NIP {NIP} has received")
    with step(f"{LATER} more invoices arrive, and the high-water mark of KSeF passes them"):
        emulator.seed(NIP, LATER, seed=2)
        time.sleep(HWM_LAG + 1)
    second = _sync(airflow, tables, first_day, "sync-2", "Fetching again: only the new ones")
    say(f"    first run {first['rows']} rows, second run {second['rows']} rows")
    right = right and first["rows"] == count and second["rows"] == LATER
    with step("An analyst asks the Parquet files, with DuckDB"):
        invoices = open_invoices(tables)
        for question in QUESTIONS:
            say(f"\n    {question}\n\n{answer(invoices, question)}")
        say("")
    compared = compare(invoices, emulator.received(NIP))
    say(f"\nThe tables lie in {tables}, the invoices that were sent in {OUTPUT / 'outgoing'},")
    say(f"the logs of the Airflow runs in {airflow.home}.")
    say(
        f"demo: invoices in KSeF {compared.in_ksef}, in the table {compared.in_table}, "
        f"missing {compared.missing}, duplicated {compared.duplicated}"
    )
    right = right and compared.is_right and compared.in_ksef == count + LATER
    return 0 if right else 1


def _send(airflow: DemoAirflow) -> bool:
    """Send the invoices of which some are wrong; tell whether just those were rejected."""
    outgoing = OUTPUT / "outgoing"
    with step(f"Writing {SENT} sales invoices, {WRONG} of them wrong"):
        command = [sys.executable, "-m", "airflow_provider_ksef.emulator.samples", str(outgoing)]
        command += ["--nip", NIP, "--count", str(SENT), "--wrong", str(WRONG), "--ways", "no-total"]
        subprocess.run(command, check=True)
    with step("Sending them to KSeF: DAG example_ksef_submit_batch"):
        conf = {"invoices": str(outgoing)}
        result = airflow.run("example_ksef_submit_batch", "submit", conf, "submit")
        say(f"    {result['accepted']} accepted, {result['rejected']} rejected:")
        for rejection in result["rejections"]:
            say(f"      {_line(rejection)}")
    return (result["accepted"], result["rejected"]) == (SENT - WRONG, WRONG)


def _sync(
    airflow: DemoAirflow, tables: Path, first_day: datetime, log_name: str, what: str
) -> dict[str, Any]:
    with step(f"{what}: DAG example_ksef_sync_invoices"):
        conf = {"tables_path": str(tables), "sync_from": first_day.date().isoformat()}
        result = airflow.run("example_ksef_sync_invoices", "sync", conf, log_name)
        say(f"    {result['rows']} rows in {result['files']} files by {result['exports']} exports")
        say(f"    complete through {result['complete_through']['Subject2']}")
    return result


def _line(rejection: dict[str, Any]) -> str:
    reason = "; ".join([rejection["description"], *rejection["details"]])
    return f"{Path(rejection['file']).name}: {rejection['code']} {reason}"


def _count() -> int:
    given = os.environ.get("DEMO_INVOICES", "2500")
    if not given.isdigit() or not 0 < int(given) <= 1_000_000:
        raise ValueError(f"DEMO_INVOICES={given!r} is not a number from 1 to 1000000: leave it out for 2500")
    return int(given)


if __name__ == "__main__":
    sys.exit(main())
