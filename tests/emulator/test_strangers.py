"""A client that nobody here wrote, PyPI's ksef-client, runs unchanged against the emulator."""

from __future__ import annotations

import json
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar

import pytest
from ksef_client import KsefApiError, KsefClient, KsefClientOptions, models
from ksef_client.services import (
    AuthCoordinator,
    BatchSessionWorkflow,
    ExportWorkflow,
    OnlineSessionWorkflow,
)
from ksef_client.services.crypto import build_encryption_data
from ksef_client.utils.zip_utils import build_tar_gz, build_zip

from airflow_provider_ksef.emulator.samples import Sample, make_samples
from tests.emulator_process import NIP, TOKEN, EmulatorProcess, start_emulator

pytestmark = pytest.mark.strangers

# this client sends nothing without login to a local address, so the emulator's links need a name
HOST, LINK_HOST = "ksef-emulator.example", "ksef-links.example"
FROM, TO = "2026-03-01T00:00:00+00:00", "2026-03-31T00:00:00+00:00"
T = TypeVar("T")


@dataclass
class Peer:
    """The stranger with its login, and the emulator that it talks to."""

    client: KsefClient
    access_token: str
    emulator: EmulatorProcess

    def certificate(self, usage: str) -> models.PublicKeyCertificate:
        return self.client.security.get_public_key_certificate(usage)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def name_resolution() -> Iterator[None]:
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host in (HOST, LINK_HOST) else host, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


@pytest.fixture(scope="module")
def emulator(name_resolution: None) -> Iterator[EmulatorProcess]:
    port = free_port()
    public_url = f"http://{LINK_HOST}:{port}"
    process = start_emulator("--port", str(port), "--public-url", public_url, "--hwm-lag", "0")
    process.control(
        "seed",
        nip=NIP,
        subjectType="Subject2",
        count=60,
        seed=1,
        **{"from": "2026-03-02T00:00:00Z", "to": "2026-03-20T00:00:00Z"},
    )
    yield process
    process.stop()


@pytest.fixture(scope="module")
def client(emulator: EmulatorProcess) -> Iterator[KsefClient]:
    port = emulator.origin.rsplit(":", 1)[1]
    options = KsefClientOptions(
        base_url=f"http://{HOST}:{port}",
        strict_presigned_url_validation=False,
        allow_private_network_presigned_urls=True,
        allowed_presigned_hosts=[LINK_HOST],
    )
    with KsefClient(options) as client:
        yield client


def log_in(client: KsefClient, token: str) -> str:
    certificate = client.security.get_public_key_certificate("KsefTokenEncryption")
    result = AuthCoordinator(client.auth).authenticate_with_ksef_token(
        token=token,
        public_certificate=certificate.certificate,
        public_key_id=certificate.public_key_id,
        context_identifier_type="nip",
        context_identifier_value=NIP,
        poll_interval_seconds=0.05,
        max_attempts=200,
    )
    return result.access_token


@pytest.fixture(scope="module")
def peer(client: KsefClient, emulator: EmulatorProcess) -> Peer:
    return Peer(client, log_in(client, TOKEN), emulator)


def eventually(ask: Callable[[], T], is_done: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + 30
    while not is_done(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer


def a_right_and_a_wrong_one(seed: int) -> list[Sample]:
    return make_samples(NIP, 2, 1, seed, datetime.now(UTC).date())


def send(peer: Peer, samples: list[Sample], compression: models.CompressionType) -> str:
    build = build_zip if compression is models.CompressionType.ZIP else build_tar_gz
    certificate = peer.certificate("SymmetricKeyEncryption")
    reference: str = BatchSessionWorkflow(
        peer.client.sessions, peer.client.http_client
    ).open_upload_and_close(
        form_code=models.FormCode(system_code="FA (3)", schema_version="1-0E", value="FA"),
        archive_bytes=build({sample.name: sample.xml for sample in samples}),
        compression_type=compression,
        public_certificate=certificate.certificate,
        public_key_id=certificate.public_key_id,
        access_token=peer.access_token,
    )
    return reference


def test_it_logs_in_with_a_token(peer: Peer) -> None:
    assert peer.access_token.count(".") == 2


def test_it_is_refused_with_another_token(client: KsefClient) -> None:
    with pytest.raises(RuntimeError, match="450"):
        log_in(client, TOKEN[:-1] + "e")


@pytest.mark.parametrize("compression", list(models.CompressionType))
def test_its_batch_is_taken_and_each_invoice_has_its_fate(
    peer: Peer, compression: models.CompressionType
) -> None:
    samples = a_right_and_a_wrong_one(len(compression.value))
    reference = send(peer, samples, compression)
    status = eventually(
        lambda: peer.client.sessions.get_session_status(reference, access_token=peer.access_token),
        lambda status: status.status.code not in (100, 150),
    )
    assert status.status.code == 200
    assert (status.invoice_count, status.successful_invoice_count, status.failed_invoice_count) == (2, 1, 1)

    listed = peer.client.sessions.get_session_invoices(reference, access_token=peer.access_token).invoices
    by_hash = {invoice.invoice_hash: invoice for invoice in listed}
    accepted, rejected = (by_hash[b64encode(sha256(each.xml).digest()).decode()] for each in samples)
    assert accepted.status.code == 200
    assert accepted.invoice_file_name == "FV-0001.xml"
    assert rejected.status.code == samples[1].code == 410
    assert rejected.status.details == ["Brak uprawnienia fakturowego"]
    assert rejected.ksef_number is None
    failed = peer.client.sessions.get_session_failed_invoices(reference, access_token=peer.access_token)
    assert [invoice.reference_number for invoice in failed.invoices] == [rejected.reference_number]

    assert accepted.ksef_number in peer.emulator.ksef_numbers(subject_type="Subject1")
    stored = peer.client.invoices.get_invoice_bytes(accepted.ksef_number, access_token=peer.access_token)
    assert stored.content == samples[0].xml
    assert stored.sha256_base64 == accepted.invoice_hash


def test_its_interactive_session_ends_with_receipts(peer: Peer) -> None:
    right, wrong = a_right_and_a_wrong_one(9)
    certificate = peer.certificate("SymmetricKeyEncryption")
    session = OnlineSessionWorkflow(peer.client.sessions).open_session(
        form_code=models.FormCode(system_code="FA (3)", schema_version="1-0E", value="FA"),
        public_certificate=certificate.certificate,
        public_key_id=certificate.public_key_id,
        access_token=peer.access_token,
        upo_v43=True,
    )
    sent, _ = (session.send_invoice(each.xml) for each in (right, wrong))
    eventually(session.get_status, lambda status: status.failed_invoice_count == 1)
    accepted = eventually(
        lambda: session.get_invoice_status(sent.reference_number), lambda status: status.status.code != 150
    )
    assert (accepted.status.code, accepted.invoice_hash) == (
        200,
        b64encode(sha256(right.xml).digest()).decode(),
    )
    session.close()
    status = eventually(session.get_status, lambda status: status.status.code not in (100, 170))
    assert (status.status.code, status.invoice_count, status.successful_invoice_count) == (200, 2, 1)

    upo = session.get_invoice_upo_by_ref(sent.reference_number)
    assert session.get_invoice_upo_by_ksef(accepted.ksef_number) == upo
    assert accepted.ksef_number.encode() in upo
    (page,) = status.upo.pages
    whole = session.get_upo(page.reference_number)
    assert b"<CalkowitaLiczbaDokumentow>1<" in whole
    assert peer.client.http_client.request("GET", page.download_url, skip_auth=True).content == whole


def test_it_reads_and_changes_limits(peer: Peer) -> None:
    limits = peer.client.limits.get_context_limits(peer.access_token)
    assert limits.online_session.max_invoices == 10_000
    assert peer.client.limits.get_subject_limits(peer.access_token).certificate.max_certificates == 100
    peer.client.testdata.enable_attachment(models.AttachmentPermissionGrantRequest(nip=NIP))
    consent = peer.client.permissions.check_attachment_permission_status(peer.access_token)
    assert consent.is_attachment_allowed


def test_its_metadata_pages_hold_every_invoice(peer: Peer) -> None:
    found = list(
        peer.client.invoices.iter_invoice_metadata_by_date_range(
            subject_type="Subject2",
            date_type="PermanentStorage",
            date_from=FROM,
            date_to=TO,
            access_token=peer.access_token,
            page_size=25,
            sort_order="Asc",
        )
    )
    assert sorted(invoice.ksef_number for invoice in found) == sorted(peer.emulator.ksef_numbers())
    dates = [invoice.permanent_storage_date for invoice in found]
    assert dates == sorted(dates)
    assert {invoice.buyer.identifier.value for invoice in found} == {NIP}


def export(peer: Peer, *, only_metadata: bool, compression: models.CompressionType) -> Any:
    certificate = peer.certificate("SymmetricKeyEncryption")
    encryption = build_encryption_data(certificate.certificate, public_key_id=certificate.public_key_id)
    filters = models.InvoiceQueryFilters(
        subject_type=models.InvoiceQuerySubjectType.SUBJECT2,
        date_range=models.InvoiceQueryDateRange(
            date_type=models.InvoiceQueryDateType.PERMANENTSTORAGE,
            from_=FROM,
            to=TO,
            restrict_to_permanent_storage_hwm_date=True,
        ),
    )
    assert encryption.encryption_info is not None
    request = models.InvoiceExportRequest(
        encryption=encryption.encryption_info,
        filters=filters,
        only_metadata=only_metadata,
        compression_type=compression,
    )
    started = peer.client.invoices.export_invoices(request, access_token=peer.access_token)
    status = eventually(
        lambda: peer.client.invoices.get_export_status(
            started.reference_number, access_token=peer.access_token
        ),
        lambda status: status.status.code != 100,
    )
    assert status.status.code == 200, status
    assert status.package is not None
    assert status.package.permanent_storage_hwm_date
    workflow = ExportWorkflow(peer.client.invoices, peer.client.http_client)
    return workflow.download_and_process_package(status.package, encryption)


@pytest.mark.parametrize("compression", list(models.CompressionType))
def test_its_metadata_only_export_is_decrypted_by_itself(
    peer: Peer, compression: models.CompressionType
) -> None:
    result = export(peer, only_metadata=True, compression=compression)
    assert not result.invoice_xml_files
    numbers = [invoice["ksefNumber"] for invoice in result.metadata_summaries]
    assert sorted(numbers) == sorted(peer.emulator.ksef_numbers())
    assert list(json.loads(result.metadata_raw)) == ["invoices"]


def test_its_full_export_brings_the_documents_too(peer: Peer) -> None:
    result = export(peer, only_metadata=False, compression=models.CompressionType.ZIP)
    hashes = {f"{invoice['ksefNumber']}.xml": invoice["invoiceHash"] for invoice in result.metadata_summaries}
    assert hashes == {
        name: b64encode(sha256(text.encode()).digest()).decode()
        for name, text in result.invoice_xml_files.items()
    }


def test_it_understands_what_it_is_refused(peer: Peer) -> None:
    with pytest.raises(KsefApiError) as caught:
        peer.client.sessions.get_session_status(
            "20260901-SB-1A2B3C7000-0F1E2D3C4E-78", access_token=peer.access_token
        )
    assert caught.value.status_code == 400
    assert "21173" in str(caught.value.response_body)
