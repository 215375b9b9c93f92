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

STRUCK, TRIES = "killed or put to sleep", "tries"


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
    """Tell which steps were hit, so that one sees that the tests bite."""
    counts: dict[str, Counter[str]] = {STRUCK: Counter(), TRIES: Counter()}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name in counts and report.when == "call":
                    counts[name].update(value)
    for name, counted in counts.items():
        terminalreporter.write_sep("-", f"{name}: {counted.total()}")
        for what, count in counted.most_common():
            terminalreporter.write_line(f"{count:6d}  {what}")
