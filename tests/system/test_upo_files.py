"""UPO as files: KSeF's own bytes, whole or not there, and fetched once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow.sdk.exceptions import TaskDeferred
from lxml import etree

from airflow_provider_ksef.client import KsefClient, sessions, upo
from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefIntegrityError,
    KsefSessionError,
    KsefTimeoutError,
)
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.upo import KsefDownloadUpoOperator
from tests.emulator_process import EmulatorProcess
from tests.system.client_ways import settings_of
from tests.system.conftest import sample_invoices
from tests.system.operator_context import context
from tests.unit.client.fake_ksef import SESSION, FakeKsef

COUNT = 3
CREATED = "2026-09-01T10:00:00+00:00"
LINKS = r"/storage/02/.*"
Download = Callable[..., dict[str, Any]]


def sent(folder: Path, count: int = COUNT, **parameters: Any) -> str:
    submit = KsefSubmitBatchOperator(
        task_id="submit", invoices=str(folder), on_rejected="warn", poll_interval=0.1, **parameters
    )
    reference: str = submit.execute(context())["session_reference_number"]
    return reference


@pytest.fixture
def session(connected: EmulatorProcess, tmp_path: Path) -> str:
    """A session of three accepted invoices and a rejected one."""
    return sent(sample_invoices(tmp_path / "outgoing", count=COUNT + 1, wrong=1))


@pytest.fixture
def download(tmp_path: Path) -> Download:
    def run(reference: str, **parameters: Any) -> dict[str, Any]:
        given = {"upo_path": str(tmp_path / "upo"), "poll_interval": 0.1, **parameters}
        operator = KsefDownloadUpoOperator(task_id="upo", session_reference_number=reference, **given)
        result: dict[str, Any] = operator.execute(context())
        return result

    return run


def contents(folder: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def test_the_pages_of_a_session_are_what_ksef_gives(
    connected: EmulatorProcess, session: str, download: Download, tmp_path: Path
) -> None:
    result = download(session)
    folder = str(tmp_path / "upo" / session)
    assert result == {"session_reference_number": session, "pages": 1, "files": 1, "path": folder}
    with KsefClient(settings_of(connected)) as ksef:
        (page,) = ksef.run(sessions.get_status(session)).upo_pages
        given = ksef.run(upo.of_session(session, page.reference_number))
    assert contents(folder) == {f"{page.reference_number}.xml": given}


def test_each_accepted_invoice_has_its_own(
    connected: EmulatorProcess, session: str, download: Download
) -> None:
    result = download(session, include_invoices=True)
    assert (result["pages"], result["files"]) == (1, COUNT + 1)
    numbers = connected.ksef_numbers(subject_type="Subject1")
    found = contents(result["path"])
    assert len(found) == COUNT + 1
    for number in numbers:
        root = etree.fromstring(found[f"{number}.xml"])
        assert root.findtext(".//{*}NumerKSeFDokumentu") == number


def test_a_next_try_fetches_only_what_is_missing(
    connected: EmulatorProcess, session: str, download: Download
) -> None:
    first = download(session, include_invoices=True)
    before = contents(first["path"])
    lost = next(iter(before))
    (Path(first["path"]) / lost).unlink()
    fetched = fetches(connected)
    assert download(session, include_invoices=True) == first
    assert contents(first["path"]) == before
    assert fetches(connected) == fetched + 1


def fetches(emulator: EmulatorProcess) -> int:
    return sum(count for name, count in emulator.requests().items() if "upo" in name.lower())


def test_a_try_that_fails_on_the_way_leaves_only_whole_files(
    connected: EmulatorProcess, session: str, download: Download, tmp_path: Path
) -> None:
    whole = contents(download(session, include_invoices=True, upo_path=str(tmp_path / "whole"))["path"])
    other = [f"{number}.xml" for number in connected.ksef_numbers(subject_type="Subject1")]
    connected.control(
        "faults", method="GET", path=f".*upo_{other[0]}", times=9, status=200, body="x", headers={
            "Content-Type": "application/xml", "x-ms-meta-hash": sha256_base64(b"y")
        },
    )  # fmt: skip
    with pytest.raises(KsefIntegrityError, match="hash"):
        download(session, include_invoices=True)
    left = contents(str(tmp_path / "upo" / session))
    assert left.items() < whole.items()


def test_links_that_have_expired_are_gone_round(
    connected: EmulatorProcess, session: str, download: Download
) -> None:
    connected.control("faults", method="GET", path=LINKS, times=9, status=403, body="<Error/>")
    assert download(session, include_invoices=True)["files"] == COUNT + 1


def test_gateways_that_fail_are_asked_again(
    connected: EmulatorProcess, session: str, download: Download
) -> None:
    connected.control("faults", method="GET", path=LINKS, times=2, drop="after")
    assert download(session)["files"] == 1


def test_a_file_that_is_there_is_left_as_it_is(
    connected: EmulatorProcess, session: str, download: Download
) -> None:
    result = download(session)
    (name,) = contents(result["path"])
    (Path(result["path"]) / name).write_bytes(b"ours")
    download(session)
    assert contents(result["path"]) == {name: b"ours"}


def test_a_session_without_accepted_invoices_has_none(
    connected: EmulatorProcess, download: Download, tmp_path: Path
) -> None:
    folder = sample_invoices(tmp_path / "outgoing", count=1)
    sent(folder)
    again = sent(folder)
    result = download(again, include_invoices=True)
    assert (result["pages"], result["files"]) == (0, 0)
    assert not Path(result["path"]).exists()


def test_an_unfinished_session_is_waited_for(
    connected: EmulatorProcess, session: str, download: Download
) -> None:
    body = {"status": {"code": 150, "description": "Trwa przetwarzanie"}, "dateCreated": CREATED}
    answer = {"status": 200, "body": json.dumps({**body, "dateUpdated": CREATED})}
    answer["headers"] = {"Content-Type": "application/json"}
    connected.control("faults", method="GET", path=f"/v2/sessions/{session}", times=3, **answer)
    with pytest.raises(KsefTimeoutError, match="was not processed"):
        download(session, timeout=0)
    with pytest.raises(TaskDeferred):
        download(session, deferrable=True)
    assert download(session)["files"] == 1


def test_bad_input_is_refused_before_anything_is_sent(connected: EmulatorProcess, download: Download) -> None:
    with pytest.raises(KsefInputError, match="session_reference_number"):
        download("20260901")
    with pytest.raises(KsefInputError, match="upo_path"):
        download(SESSION, upo_path=" ")
    assert not connected.requests()


def test_an_unknown_session_is_an_error(connected: EmulatorProcess, download: Download) -> None:
    with pytest.raises(KsefApiError) as raised:
        download(SESSION)
    assert raised.value.fault.code == 21173


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeKsef:
    fake = FakeKsef()
    monkeypatch.setattr(KsefHook, "get_conn", lambda _: fake.sync_client())
    return fake


PAGES = ("20260901-EU-1A2B3C9000-0F1E2D3C50-18", "20260901-EU-1A2B3C9001-0F1E2D3C51-5B")


def status_of(pages: tuple[str, ...]) -> httpx.Response:
    body: dict[str, Any] = {
        "status": {"code": 200, "description": "Opis."},
        "dateCreated": CREATED,
        "dateUpdated": CREATED,
        "invoiceCount": 10_001,
        "successfulInvoiceCount": 10_001,
        "failedInvoiceCount": 0,
    }
    if pages:
        host = "https://api-test.ksef.mf.gov.pl"
        links = [
            {
                "referenceNumber": page,
                "downloadUrl": f"{host}/storage/{page}.xml?sig=c2VjcmV0",
                "downloadUrlExpirationDate": CREATED,
            }
            for page in pages
        ]
        body["upo"] = {"pages": links}
    return httpx.Response(200, content=json.dumps(body), headers={"Content-Type": "application/json"})


def test_every_page_is_saved(fake: FakeKsef, download: Download) -> None:
    fake.replies[f"GET /sessions/{SESSION}"] = [status_of(PAGES)]
    for page in PAGES:
        fake.replies[f"GET /storage/{page}.xml"] = [
            httpx.Response(
                200, content=page.encode(), headers={"x-ms-meta-hash": sha256_base64(page.encode())}
            )
        ]
    result = download(SESSION)
    assert result["pages"] == 2
    assert contents(result["path"]) == {f"{page}.xml": page.encode() for page in PAGES}


def test_a_upo_that_is_not_made_yet_is_an_error(fake: FakeKsef, download: Download) -> None:
    fake.replies[f"GET /sessions/{SESSION}"] = [status_of(())]
    with pytest.raises(KsefSessionError, match="no UPO yet"):
        download(SESSION)
