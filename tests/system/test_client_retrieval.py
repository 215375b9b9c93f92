from __future__ import annotations

import asyncio
import json
import logging
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import tenacity

from airflow_provider_ksef.client import AsyncKsefClient, KsefClient, exports, invoices, retries, security
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.crypto import SessionKey
from airflow_provider_ksef.client.exports import ExportStatus
from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.exceptions import KsefApiError, KsefIntegrityError, KsefUnavailableError
from tests.emulator_process import NIP, TOKEN, EmulatorProcess
from tests.system.client_ways import new_key, settings_of

END = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
START = END - timedelta(days=30)
FILTERS = InvoiceFilters(
    "Subject2", "PermanentStorage", START.isoformat(), END.isoformat(), restrict_to_hwm=True
)


@pytest.fixture
def seeded(emulator: EmulatorProcess) -> EmulatorProcess:
    """An emulator with 35 received invoices of one month."""
    period = {"from": START.isoformat(), "to": END.isoformat()}
    emulator.control("seed", nip=NIP, subjectType="Subject2", count=35, seed=7, **period)
    return emulator


def finished(ksef: KsefClient, reference: str) -> ExportStatus:
    for _ in range(300):
        status = ksef.run(exports.get_status(reference))
        if status.is_final:
            return status
        time.sleep(0.05)
    raise AssertionError(f"{reference} is not finished")


def exported(ksef: KsefClient, key: SessionKey, **options: Any) -> ExportStatus:
    return finished(ksef, ksef.run(exports.start(FILTERS, key, **options)))


def test_a_metadata_export_holds_every_invoice(seeded: EmulatorProcess, tmp_path: Path) -> None:
    key = new_key()
    with KsefClient(settings_of(seeded)) as ksef:
        status = exported(ksef, key)
        assert status.package is not None
        archive = ksef.download_package(status.package, key, tmp_path)
    assert (status.code, status.package.invoice_count, status.package.is_truncated) == (200, 35, False)
    assert status.package.permanent_storage_hwm_date
    with archive.open() as plain, zipfile.ZipFile(plain) as zipped:
        assert zipped.namelist() == ["_metadata.json"]
        found = json.loads(zipped.read("_metadata.json"))["invoices"]
    assert sorted(invoice["ksefNumber"] for invoice in found) == sorted(seeded.ksef_numbers())


@pytest.mark.parametrize("compression", exports.COMPRESSIONS)
def test_an_export_with_documents(seeded: EmulatorProcess, tmp_path: Path, compression: str) -> None:
    key = new_key()
    with KsefClient(settings_of(seeded)) as ksef:
        status = exported(ksef, key, only_metadata=False, compression=compression)
        assert status.package is not None
        archive = ksef.download_package(status.package, key, tmp_path)
    assert status.package.compression == compression
    assert archive.open().read(2) == {"Zip": b"PK", "TarGz": b"\x1f\x8b"}[compression]


def test_an_empty_export_has_no_parts(emulator: EmulatorProcess) -> None:
    with KsefClient(settings_of(emulator)) as ksef:
        status = exported(ksef, new_key())
    assert status.package is not None
    assert (status.package.invoice_count, status.package.parts) == (0, ())


def test_a_changed_part_is_refused_and_leaves_nothing(seeded: EmulatorProcess, tmp_path: Path) -> None:
    key = new_key()
    with KsefClient(settings_of(seeded)) as ksef:
        status = exported(ksef, key)
        assert status.package is not None
        for body in ("<html>Przerwa</html>", "x" * status.package.parts[0].encrypted_size):
            seeded.control("faults", method="GET", path="^/storage/", times=1, status=200, body=body)
            with pytest.raises(KsefIntegrityError):
                ksef.download_package(status.package, key, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_expired_link_is_an_error_and_the_next_status_has_a_new_one(
    seeded: EmulatorProcess, tmp_path: Path
) -> None:
    key = new_key()
    expired = "<Error><Code>AuthenticationFailed</Code><Message>Expired</Message></Error>"
    with KsefClient(settings_of(seeded)) as ksef:
        status = exported(ksef, key)
        assert status.package is not None
        headers = {"Content-Type": "application/xml"}
        seeded.control(
            "faults", method="GET", path="^/storage/", times=1, status=403, body=expired, headers=headers
        )
        with pytest.raises(KsefApiError, match="AuthenticationFailed") as raised:
            ksef.download_package(status.package, key, tmp_path)
        assert raised.value.fault.http_status == 403
        again = ksef.run(exports.get_status(status.reference_number)).package
        assert again is not None
        assert ksef.download_package(again, key, tmp_path).size == again.size


@pytest.mark.parametrize("mode", ["planned", "emergency", "recertify"])
def test_a_change_of_ksefs_keys_is_not_noticed(seeded: EmulatorProcess, mode: str) -> None:
    with KsefClient(settings_of(seeded)) as ksef:
        exported(ksef, new_key())
        seeded.control("rotate-keys", mode=mode)
        assert exported(ksef, new_key()).code == 200
    starts, reads = (
        seeded.requests()[name]
        for name in ("POST /invoices/exports", "GET /security/public-key-certificates")
    )
    assert (starts, reads) == ((3, 2) if mode == "emergency" else (2, 1))


def test_metadata_comes_in_pages(seeded: EmulatorProcess) -> None:
    numbers: list[str] = []
    with KsefClient(settings_of(seeded)) as ksef:
        for offset in range(4):
            page = ksef.run(invoices.query_metadata(FILTERS, page_offset=offset, page_size=10))
            numbers += [invoice["ksefNumber"] for invoice in page.invoices]
            assert page.has_more == (offset < 3)
            assert not page.is_truncated
    assert sorted(numbers) == sorted(seeded.ksef_numbers())


def test_filters_narrow(seeded: EmulatorProcess) -> None:
    with KsefClient(settings_of(seeded)) as ksef:
        every = ksef.run(invoices.query_metadata(FILTERS)).invoices
        chosen = every[3]
        narrow = InvoiceFilters(
            "Subject2",
            "PermanentStorage",
            START.isoformat(),
            END.isoformat(),
            seller_nip=chosen["seller"]["nip"],
            ksef_number=chosen["ksefNumber"],
        )
        assert ksef.run(invoices.query_metadata(narrow)).invoices == [chosen]


def test_an_invoice_is_downloaded_as_it_was_sent(seeded: EmulatorProcess) -> None:
    number = seeded.ksef_numbers()[0]
    with KsefClient(settings_of(seeded)) as ksef:
        xml = ksef.run(invoices.download(number))
        assert b"<Faktura" in xml
        with pytest.raises(KsefApiError) as raised:
            ksef.run(invoices.download("5250001210-20260901-0A1B2C000000-C6"))
    assert raised.value.fault.code == 21164


def test_no_link_ever_gets_the_token_and_no_log_gets_a_secret(
    seeded: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for logger in (None, "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger)
    seen: list[httpx.Request] = []
    send = httpx.HTTPTransport.handle_request

    def remember(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return send(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", remember)
    key = new_key()
    with KsefClient(settings_of(seeded)) as ksef:
        status = exported(ksef, key)
        assert status.package is not None
        ksef.download_package(status.package, key, tmp_path)
    links = [request for request in seen if request.url.path.startswith("/storage/")]
    tokens = {request.headers.get("Authorization", "").removeprefix("Bearer ") for request in seen} - {""}
    assert links
    assert len(tokens) >= 2
    assert not any("Authorization" in request.headers for request in links)
    secrets = [TOKEN, key.key.hex(), *tokens, *(request.url.params["sig"] for request in links)]
    assert not [secret for secret in secrets if secret in caplog.text]


OPERATIONS: dict[str, Callable[[str], Flow[Any] | Call[Any]]] = {
    "keys": lambda _: security.public_keys(),
    "metadata": lambda _: invoices.query_metadata(FILTERS),
    "download": invoices.download,
    "no such invoice": lambda _: invoices.download("5250001210-20260901-0A1B2C000000-C6"),
    "no such export": lambda _: exports.get_status("20260901-EH-1A2B3CA000-0F1E2D3C51-AD"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_sync_and_async_give_the_same(seeded: EmulatorProcess, name: str) -> None:
    number = seeded.ksef_numbers()[0]

    def sync_way() -> Any:
        with KsefClient(settings_of(seeded)) as ksef:
            return ksef.run(OPERATIONS[name](number))

    async def async_way() -> Any:
        async with AsyncKsefClient(settings_of(seeded)) as ksef:
            return await ksef.run(OPERATIONS[name](number))

    assert _outcome(sync_way) == _outcome(lambda: asyncio.run(async_way()))


def _outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except KsefApiError as error:
        return type(error), error.fault.code, error.fault.details, error.remedy


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"drop": "after"}, {"status": 200, "body": "<html>Przerwa</html>"}]
)
def test_short_trouble_is_sat_out(seeded: EmulatorProcess, fault: dict[str, Any]) -> None:
    seeded.control("faults", method="POST", path="/invoices/query/metadata", times=1, **fault)
    with KsefClient(settings_of(seeded)) as ksef:
        assert len(ksef.run(invoices.query_metadata(FILTERS)).invoices) == 35


def test_long_trouble_is_told(seeded: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_backoff", tenacity.wait_none())
    seeded.control("faults", method="POST", path="/invoices/query/metadata", times=9, status=503)
    with KsefClient(settings_of(seeded)) as ksef, pytest.raises(KsefUnavailableError) as raised:
        ksef.run(invoices.query_metadata(FILTERS))
    assert raised.value.fault.http_status == 503
    assert raised.value.remedy
