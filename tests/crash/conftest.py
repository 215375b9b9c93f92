"""What the crash tests share."""

from __future__ import annotations

import logging
import multiprocessing
from collections import Counter
from collections.abc import Iterator
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

import pytest
from moto.server import ThreadedMotoServer

from tests.crash.arrivals import CAP, HWM_LAG
from tests.emulator_process import EmulatorProcess, start_emulator

STRUCK, TRIES, MET = "killed or put to sleep", "tries", "met"


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """Fork each try from a process that has imported everything and started nothing."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # another test's has imported other modules
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.victim"])
    return context


@pytest.fixture(scope="session")
def crash_emulator() -> Iterator[EmulatorProcess]:
    emulator = start_emulator("--hwm-lag", str(HWM_LAG), "--export-cap", str(CAP))
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell by place which steps were hit and what was met, so that one sees that the tests bite."""
    counts: dict[str, Counter[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                place = report.nodeid.partition("[")[2].partition("-")[0]
                for name, value in report.user_properties:
                    if name in (STRUCK, TRIES, MET):
                        counts.setdefault(f"{place}, {name}", Counter()).update(value)
    for name, counted in sorted(counts.items()):
        terminalreporter.write_sep("-", f"{name}: {counted.total()}")
        for what, count in counted.most_common():
            terminalreporter.write_line(f"{count:6d}  {what}")
