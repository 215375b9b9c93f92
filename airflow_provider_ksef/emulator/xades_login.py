"""Judging a login with a signed request."""

from __future__ import annotations

from airflow_provider_ksef.emulator.admission import Entrant, Refused, conclude_login, use_challenge
from airflow_provider_ksef.emulator.auth_requests import BY_FINGERPRINT, AuthRequest, read_auth_request
from airflow_provider_ksef.emulator.certificates import SignerCertificate
from airflow_provider_ksef.emulator.crypto import digest
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.entitlements import permissions_in
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.signatures import verify_signature
from airflow_provider_ksef.emulator.signed_documents import read_signed_document
from airflow_provider_ksef.emulator.store.logins import Login


def begin_xades_login(emulator: Emulator, content: bytes, *, must_verify_chain: bool) -> Login:
    """
    Judge a login and keep the result.

    :param must_verify_chain: also refuse certificates of unknown issuers; the emulator knows none.
    :raises ApiError: for a document, signature, certificate or challenge that KSeF refuses at once.
    """
    document = read_signed_document(content)
    request = read_auth_request(document.request, emulator.schemas)
    signer = verify_signature(document)
    subject = _subject(request, signer)
    with emulator.database.transaction():
        use_challenge(emulator, request.challenge)

        def recognize() -> Entrant:
            _check_certificate(emulator, signer, must_verify_chain)
            permissions = permissions_in(request.context, subject, emulator.taxpayers, emulator.grants)
            details = signer.describe(subject)
            return Entrant(subject, details, permissions, document_hash=digest(content))

        return conclude_login(emulator, request.context, signer.method, request.policy, recognize)


def _subject(request: AuthRequest, signer: SignerCertificate) -> Identity:
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
