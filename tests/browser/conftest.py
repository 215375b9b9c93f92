"""What the tests in a browser share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow_database import copy_database
from tests.browser.airflow_pages import AirflowPages, free_port, stop
from tests.emulator_process import EmulatorProcess, start_emulator
from tests.official import CHECKOUT
from tests.system.conftest import sample_invoices

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FINISHED = "example_ksef_submit_batch"


@pytest.fixture(scope="module")
def ksef() -> Iterator[EmulatorProcess]:
    """A KSeF to connect to."""
    emulator = start_emulator("--delay", "0.2")
    yield emulator
    emulator.stop()


@pytest.fixture(scope="module")
def airflow(
    ksef: EmulatorProcess, run_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowPages]:
    """Airflow's pages, with a finished run of the example that submits a batch."""
    _browser_or_skip()
    home = tmp_path_factory.mktemp("airflow-pages")
    copy_database(run_folder, home)
    pages = AirflowPages(home, free_port())
    outgoing = sample_invoices(home / "outgoing", count=25, wrong=2)
    pages.run_example(FINISHED, ksef.connection(), {"invoices": str(outgoing)})
    process = pages.start()
    yield pages
    stop(process)


@pytest.fixture
def page(airflow: AirflowPages) -> Iterator[Any]:
    """A page of the browser; it is closed after each test, for it keeps an event loop running."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 1100, "height": 940}, base_url=airflow.url)
        page.set_default_timeout(60_000)
        yield page
        browser.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: into the docs where ``KSEF_DOCS_IMAGES`` is set, as when those were made."""
    return CHECKOUT / "docs/images" if "KSEF_DOCS_IMAGES" in os.environ else tmp_path


def _browser_or_skip() -> None:
    pytest.importorskip("playwright", reason="playwright is not installed (extra system)")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
