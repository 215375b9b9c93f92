"""Login by certificate, interactive sessions, UPO, limits and tokens by a client that nobody here wrote."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from ksef_client import KsefClient, models
from ksef_client.services import (
    AuthCoordinator,
    OnlineSessionWorkflow,
    PersonTokenService,
    XadesKeyPair,
)
from lxml import etree

from tests.emulator.signing import Signer, make_key, person, seal
from tests.emulator_process import NIP
from tests.strangers.stranger import Peer, a_right_and_a_wrong_one, eventually, log_in

pytestmark = pytest.mark.strangers
UPO = "{http://upo.schematy.mf.gov.pl/KSeF/v4-3}"


def log_in_by(client: KsefClient, signer: Signer, **changed: Any) -> str:
    result = AuthCoordinator(client.auth).authenticate_with_xades_key_pair(
        key_pair=XadesKeyPair(signer.pem.decode(), signer.key_pem.decode()),
        context_identifier_type="nip",
        context_identifier_value=NIP,
        poll_interval_seconds=0.05,
        max_attempts=200,
        **{"subject_identifier_type": "certificateSubject", **changed},
    )
    return result.access_token


@pytest.mark.parametrize("make", [person, seal])
@pytest.mark.parametrize("key", ["rsa-2048", "SECP256R1"])
@pytest.mark.parametrize("schema_version", ["2.0", "2.1"])
def test_it_logs_in_with_a_certificate(
    client: KsefClient, make: Callable[..., Signer], key: str, schema_version: str
) -> None:
    signer = make(key=make_key(key))
    access = log_in_by(client, signer, auth_request_schema_version=schema_version)
    assert client.limits.get_context_limits(access_token=access).online_session.max_invoices == 10_000


def test_it_reads_who_came(client: KsefClient) -> None:
    told = PersonTokenService().parse(log_in_by(client, seal()))
    assert (told.context_id_type, told.context_id_value, told.roles) == ("Nip", NIP, ["Owner"])
    assert told.auth_method == "QualifiedSeal"
    assert told.subject_details is not None
    assert told.subject_details["organizationIdentifier"] == f"VATPL-{NIP}"
    assert told.ip_policy is None


def test_another_companys_certificate_is_refused(client: KsefClient) -> None:
    with pytest.raises(RuntimeError, match="415"):
        log_in_by(client, person("TINPL-1111111111"))


def test_it_makes_a_token_with_which_it_logs_in(client: KsefClient) -> None:
    access = log_in_by(client, person())
    made = client.tokens.generate_token(
        models.GenerateTokenRequest(
            permissions=[models.TokenPermissionType.INVOICEREAD], description="for the stranger's test"
        ),
        access_token=access,
    )
    eventually(
        lambda: client.tokens.get_token_status(made.reference_number, access_token=access),
        lambda status: status.status.value == "Active",
    )
    assert log_in(client, made.token).count(".") == 2


def test_it_sends_one_by_one_and_gets_its_receipts(peer: Peer) -> None:
    right, wrong = a_right_and_a_wrong_one(77)
    certificate = peer.certificate("SymmetricKeyEncryption")
    session = OnlineSessionWorkflow(peer.client.sessions).open_session(
        form_code=models.FormCode(system_code="FA (3)", schema_version="1-0E", value="FA"),
        public_certificate=certificate.certificate,
        public_key_id=certificate.public_key_id,
        access_token=peer.access_token,
    )
    sent = [session.send_invoice(each.xml).reference_number for each in (right, wrong)]
    reference = session.session_reference_number

    def judged(invoice: str) -> Any:
        return eventually(
            lambda: peer.client.sessions.get_session_invoice_status(
                reference, invoice, access_token=peer.access_token
            ),
            lambda status: status.status.code not in (100, 150),
        )

    accepted, rejected = map(judged, sent)
    assert (accepted.status.code, rejected.status.code) == (200, wrong.code)
    assert accepted.invoice_hash == b64encode(sha256(right.xml).digest()).decode()
    assert accepted.ksef_number in peer.emulator.ksef_numbers(subject_type="Subject1")

    session.close()
    status = eventually(session.get_status, lambda status: status.status.code not in (100, 170))
    assert status.status.code == 200
    assert (status.successful_invoice_count, status.failed_invoice_count) == (1, 1)

    by_reference = peer.client.sessions.get_session_invoice_upo_by_ref(
        reference, sent[0], access_token=peer.access_token
    )
    by_number = peer.client.sessions.get_session_invoice_upo_by_ksef(
        reference, accepted.ksef_number, access_token=peer.access_token
    )
    assert by_reference == by_number
    assert status.upo is not None
    page = status.upo.pages[0]
    whole = peer.client.sessions.get_session_upo(
        reference, page.reference_number, access_token=peer.access_token
    )
    linked = peer.client.http_client.request("GET", page.download_url, skip_auth=True)
    assert linked.content == whole
    for receipt in (by_reference, whole):
        document = etree.fromstring(receipt)
        assert document.findtext(f"{UPO}NumerReferencyjnySesji") == reference
        assert document.findtext(f"{UPO}Dokument/{UPO}NumerKSeFDokumentu") == accepted.ksef_number


def test_it_reads_the_limits(peer: Peer) -> None:
    limits = peer.client.rate_limits.get_rate_limits(peer.access_token)
    assert (limits.invoice_export.per_hour, limits.invoice_send.per_second) == (20, 10)
    assert peer.client.limits.get_subject_limits(peer.access_token).enrollment is not None
    assert peer.client.limits.get_context_limits(peer.access_token).batch_session.max_invoices == 10_000


def test_it_asks_for_consent_to_attachments(peer: Peer) -> None:
    peer.client.testdata.enable_attachment(models.AttachmentPermissionGrantRequest(nip=NIP))
    consent = peer.client.permissions.check_attachment_permission_status(peer.access_token)
    assert consent.is_attachment_allowed
