"""Judging a login with a signed request."""

from __future__ import annotations

from airflow_provider_ksef.emulator.admission import Entrant, Refused, conclude_login, use_challenge
from airflow_provider_ksef.emulator.auth_requests import (
    BY_FINGERPRINT,
    BY_SUBJECT,
    AuthRequest,
    read_auth_request,
)
from airflow_provider_ksef.emulator.certificates import SignerCertificate
from airflow_provider_ksef.emulator.choices import CertificateStatus, CertificateType
from airflow_provider_ksef.emulator.crypto import digest
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.entitlements import permissions_in
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.methods import INTERNAL_CERTIFICATE
from airflow_provider_ksef.emulator.signatures import verify_signature
from airflow_provider_ksef.emulator.signed_documents import read_signed_document
from airflow_provider_ksef.emulator.store.certificates import KsefCertificate
from airflow_provider_ksef.emulator.store.logins import Login


def begin_xades_login(emulator: Emulator, content: bytes, *, must_verify_chain: bool) -> Login:
    """
    Judge a login and keep the result.

    :param must_verify_chain: also refuse certificates of unknown issuers; the emulator knows itself alone.
    :raises ApiError: for a document, signature, certificate or challenge that KSeF refuses at once.
    """
    document = read_signed_document(content)
    request = read_auth_request(document.request, emulator.schemas)
    signer = verify_signature(document)
    with emulator.database.transaction():
        issued = emulator.certificates.find(signer.der)
        subject = _subject(request, signer, issued)
        use_challenge(emulator, request.challenge)

        def recognize() -> Entrant:
            if issued is None:
                _check_certificate(emulator, signer, must_verify_chain)
            else:
                _check_issued(emulator, issued)
            permissions = permissions_in(request.context, subject, emulator.taxpayers, emulator.grants)
            details = signer.describe(subject)
            return Entrant(subject, details, permissions, document_hash=digest(content))

        method = signer.method if issued is None else INTERNAL_CERTIFICATE
        login = conclude_login(emulator, request.context, method, request.policy, recognize)
        _remember(emulator, login, signer)
    return login


def _remember(emulator: Emulator, login: Login, signer: SignerCertificate) -> None:
    emulator.certificates.keep_signer(login.reference, signer.der)
    provider = login.context_value
    if login.code == 200 and login.context_type == "PeppolId":
        emulator.peppol.register(provider, signer.organization or provider, login.started)


def _subject(request: AuthRequest, signer: SignerCertificate, issued: KsefCertificate | None) -> Identity:
    if issued is not None and (request.identify_by == BY_SUBJECT or issued.subject.type == "Fingerprint"):
        subject = issued.subject  # whoever applied for it, whatever the names in it say
    else:
        subject = signer.fingerprint if request.identify_by == BY_FINGERPRINT else _named_subject(signer)
    if (subject.type == "PeppolId") != (request.context.type == "PeppolId"):
        raise ApiError(21117)
    return subject


def _named_subject(signer: SignerCertificate) -> Identity:
    if missing := signer.missing_attributes:
        raise ApiError(21115, f"Brak wymaganych atrybutów podmiotu certyfikatu: {', '.join(missing)}.")
    if signer.subject is None:
        raise ApiError(21406)
    return signer.subject


def _check_certificate(emulator: Emulator, signer: SignerCertificate, must_verify_chain: bool) -> None:
    if not signer.is_valid_at(emulator.clock.now()):
        raise Refused(460, "Nieważny certyfikat")
    if must_verify_chain:
        is_untrusted = signer.is_self_signed
        raise Refused(
            460,
            "Niezaufany łańcuch certyfikatów" if is_untrusted else "Błąd weryfikacji łańcucha certyfikatów",
        )


def _check_issued(emulator: Emulator, certificate: KsefCertificate) -> None:
    now = emulator.clock.now()
    if certificate.kind == CertificateType.OFFLINE:
        raise Refused(460, "Niepoprawny certyfikat")
    status = certificate.status_at(now)
    if status is CertificateStatus.REVOKED:
        raise Refused(460, "Certyfikat odwołany")
    if status is CertificateStatus.BLOCKED:
        raise Refused(460, "Certyfikat zawieszony")
    if status is CertificateStatus.EXPIRED or now < certificate.valid_from:
        raise Refused(460, "Nieważny certyfikat")
    emulator.certificates.note_use(certificate.serial, now)
