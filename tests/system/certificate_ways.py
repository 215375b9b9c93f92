"""Logging in to an emulator by certificate, as the client does it."""

from __future__ import annotations

from airflow_provider_ksef.client import (
    CertificateCredential,
    ContextIdentifier,
    KsefClient,
    Settings,
)
from airflow_provider_ksef.client.certificate_enrollment import IssuedCertificate
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.settings import Environment
from tests.emulator.signing import Signer, seal
from tests.emulator_process import NIP, EmulatorProcess


def client_of(
    emulator: EmulatorProcess, signer: Signer | IssuedCertificate | None = None, nip: str = NIP
) -> KsefClient:
    """A client that logs in by a certificate; the company's seal unless it is another one."""
    environment = Environment("custom", emulator.url, "https://qr-test.ksef.mf.gov.pl")
    credential = _credential(signer or seal(f"VATPL-{nip}"))
    return KsefClient(Settings(environment, ContextIdentifier("Nip", nip), credential))


def _credential(signer: Signer | IssuedCertificate) -> CertificateCredential:
    if isinstance(signer, IssuedCertificate):
        return read_certificate(signer.certificate.pem, signer.request.private_key_pem())
    return read_certificate(signer.pem.decode(), signer.key_pem.decode())
