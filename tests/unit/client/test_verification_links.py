"""Verification links: their form is the documents', and what they sign holds with the public key alone."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from ksef_client.config import KsefClientOptions
from ksef_client.services.verification_link import VerificationLinkService

from airflow_provider_ksef.client import ENVIRONMENTS, CertificateCredential, ContextIdentifier
from airflow_provider_ksef.client.verification_links import (
    certificate_link,
    certificate_serial,
    invoice_label,
    invoice_link,
)
from airflow_provider_ksef.exceptions import KsefInputError
from tests.unit.client.certificate_samples import key_of, key_pem

TEST = ENVIRONMENTS["test"].qr_url
NIP = "1111111111"
SERIAL = 0x01F20A5D352AE590
HASH = "UtQp9Gpc51y+u3xApZjIjgkpZ01js+J8KflSPW8WzIE="
CONTEXT = ContextIdentifier("Nip", NIP)
KINDS = ("rsa-2048", "secp256r1")
CONTEXTS = (
    CONTEXT,
    ContextIdentifier("InternalId", "6824515772-12343"),
    ContextIdentifier("NipVatUe", "1111111111-DE123456789"),
    ContextIdentifier("PeppolId", "PPL000001"),
)


@cache
def offline_credential(
    kind: str, *, offline: bool = True, serial: int = SERIAL, owner: str = ""
) -> CertificateCredential:
    """What KSeF issues: key usage non-repudiation for offline invoices, digital signature for logins."""
    key = key_of(kind, owner)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Jan Kowalski")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(not offline, offline, *(False,) * 7)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), serial)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())
    return CertificateCredential(certificate, key)


def verify(link: str, certificate: x509.Certificate) -> None:
    """Do as KSeF does with a scanned link: signed is what is left without scheme and signature."""
    signed, _, encoded = link.removeprefix("https://").rpartition("/")
    signature = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        key.verify(signature, signed.encode(), pss, hashes.SHA256())
        return
    assert isinstance(key, ec.EllipticCurvePublicKey)
    if len(signature) != 64:
        raise InvalidSignature
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))


def test_the_link_of_an_invoice_is_the_one_in_the_documents() -> None:
    assert invoice_link(TEST, NIP, date(2026, 2, 1), HASH) == (
        "https://qr-test.ksef.mf.gov.pl/invoice/1111111111/01-02-2026/"
        "UtQp9Gpc51y-u3xApZjIjgkpZ01js-J8KflSPW8WzIE"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_link_of_a_certificate_begins_as_in_the_documents(kind: str) -> None:
    link = certificate_link(TEST, CONTEXT, NIP, HASH, offline_credential(kind))
    signed, _, signature = link.rpartition("/")
    assert signed == (
        "https://qr-test.ksef.mf.gov.pl/certificate/Nip/1111111111/1111111111/01F20A5D352AE590/"
        "UtQp9Gpc51y-u3xApZjIjgkpZ01js-J8KflSPW8WzIE"
    )
    assert len(signature) == {"rsa-2048": 342, "secp256r1": 86}[kind]
    assert "=" not in signature


@given(
    kind=st.sampled_from(KINDS),
    environment=st.sampled_from(list(ENVIRONMENTS.values())),
    context=st.sampled_from(CONTEXTS),
    content=st.binary(),
)
def test_a_signature_holds_with_its_own_key_and_no_other(
    kind: str, environment: object, context: ContextIdentifier, content: bytes
) -> None:
    qr_url = environment.qr_url  # type: ignore[attr-defined]
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    ours, others = offline_credential(kind), offline_credential(kind, owner="other")
    link = certificate_link(qr_url, context, NIP, digest, ours)
    verify(link, ours.certificate)
    with pytest.raises(InvalidSignature):
        verify(link, others.certificate)
    with pytest.raises(InvalidSignature):
        verify(link.replace(f"/{NIP}/", "/5250001210/"), ours.certificate)


@pytest.mark.parametrize("kind", KINDS)
def test_a_strangers_links_are_the_same(kind: str) -> None:
    stranger = VerificationLinkService(KsefClientOptions(base_url="https://api-test.ksef.mf.gov.pl"))
    credential = offline_credential(kind)
    theirs = stranger.build_certificate_verification_url(
        seller_nip=NIP,
        context_identifier_type="Nip",
        context_identifier_value=NIP,
        certificate_serial=certificate_serial(credential.certificate),
        invoice_hash=HASH,
        private_key_pem=key_pem(credential.private_key),
    )
    ours = certificate_link(TEST, CONTEXT, NIP, HASH, credential)
    assert ours.rpartition("/")[0] == theirs.rpartition("/")[0]
    verify(theirs, credential.certificate)
    day = date(2026, 2, 1)
    assert invoice_link(TEST, NIP, day, HASH) == stranger.build_invoice_verification_url(NIP, day, HASH)


def test_serial_numbers_have_sixteen_digits() -> None:
    short = offline_credential("secp256r1", serial=0xABC)
    assert certificate_serial(short.certificate) == "0000000000000ABC"
    with pytest.raises(KsefInputError, match="none of KSeF's"):
        certificate_serial(offline_credential("secp256r1", serial=1 << 64).certificate)


def test_a_certificate_for_logins_signs_no_links() -> None:
    with pytest.raises(KsefInputError, match="Offline"):
        certificate_link(TEST, CONTEXT, NIP, HASH, offline_credential("rsa-2048", offline=False))


def test_other_curves_sign_no_links() -> None:
    with pytest.raises(KsefInputError, match="secp384r1"):
        certificate_link(TEST, CONTEXT, NIP, HASH, offline_credential("secp384r1"))


@pytest.mark.parametrize("bad", ["", "abc", HASH[:-1], HASH.replace("+", "-"), HASH * 2, "a" * 64, "ł" * 44])
def test_what_is_no_hash_is_refused(bad: str) -> None:
    with pytest.raises(KsefInputError, match="invoice_hash"):
        invoice_link(TEST, NIP, date(2026, 2, 1), bad)


def test_what_is_no_nip_is_refused() -> None:
    with pytest.raises(KsefInputError, match="seller_nip"):
        invoice_link(TEST, "111-111-11-11", date(2026, 2, 1), HASH)


def test_labels_are_the_number_or_offline() -> None:
    number = "5265877635-20250826-0100001AF629-AF"
    assert (invoice_label(number), invoice_label(None)) == (number, "OFFLINE")
    with pytest.raises(KsefInputError, match="ksef_number"):
        invoice_label(number[:-1] + "0")
