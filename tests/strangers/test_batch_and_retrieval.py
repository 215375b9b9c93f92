"""Token login, batch, metadata, exports and download by a client that nobody here wrote."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from ksef_client import KsefApiError, KsefClient, models
from ksef_client.services import BatchSessionWorkflow, ExportWorkflow
from ksef_client.services.crypto import build_encryption_data
from ksef_client.utils.zip_utils import build_tar_gz, build_zip

from airflow_provider_ksef.emulator.samples import Sample
from tests.emulator_process import NIP, TOKEN
from tests.strangers.stranger import FROM, TO, Peer, a_right_and_a_wrong_one, eventually, log_in

pytestmark = pytest.mark.strangers


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


def stored_invoice(peer: Peer, ksef_number: str) -> Any:
    """Give an invoice, None where KSeF has accepted it and not stored it yet (21165)."""
    try:
        return peer.client.invoices.get_invoice_bytes(ksef_number, access_token=peer.access_token)
    except KsefApiError as error:
        if "21165" not in json.dumps(error.response_body):
            raise
        return None


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
    stored = eventually(lambda: stored_invoice(peer, accepted.ksef_number), lambda found: found is not None)
    assert stored.content == samples[0].xml
    assert stored.sha256_base64 == accepted.invoice_hash


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
