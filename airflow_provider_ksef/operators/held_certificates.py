"""Which certificate a sink holds, to which key a certificate belongs, and whether it lets in."""

from __future__ import annotations

import time
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from airflow_provider_ksef._compat import mask_secrets
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.credentials import SigningKey
from airflow_provider_ksef.client.ksef_certificates import RetrievedCertificate
from airflow_provider_ksef.exceptions import KsefLoginError
from airflow_provider_ksef.hooks.ksef import open_clients
from airflow_provider_ksef.hooks.limiting import limiter_for
from airflow_provider_ksef.hooks.masking import secrets_of
from airflow_provider_ksef.operators.secret_sinks import NewSecret, SecretSink

LOGIN_PAUSES = (2.0, 5.0, 10.0, 20.0)
"""Seconds between tries to log in by a new certificate, which KSeF may not know everywhere at once."""


def held_certificate(sink: SecretSink) -> x509.Certificate | None:
    """
    Give the certificate that a sink holds; None where it holds none, or cannot tell.

    :param sink: the sink.
    """
    held = sink.read()
    if held is None or "-----BEGIN CERTIFICATE" not in held.certificate:
        return None
    try:
        return x509.load_pem_x509_certificate(held.certificate.encode())
    except ValueError:
        return None


def held_serial(sink: SecretSink) -> str | None:
    """
    Give the serial number of the certificate that a sink holds, as KSeF writes it.

    :param sink: the sink.
    """
    certificate = held_certificate(sink)
    return None if certificate is None else f"{certificate.serial_number:016X}"


def key_in(pem: str) -> SigningKey:
    """
    Read a private key that this package has written.

    :param pem: PKCS#8, not encrypted.
    """
    return load_pem_private_key(pem.encode(), None)  # type: ignore[return-value]


def is_of_key(certificate: x509.Certificate, pem: str) -> bool:
    """
    Whether a certificate was issued for a private key.

    :param certificate: the certificate.
    :param pem: of the key.
    """
    return certificate.public_key() == key_in(pem).public_key()


def with_key(certificate: RetrievedCertificate, pem: str) -> NewSecret:
    """
    Put a certificate and its key together, and keep the key out of the logs.

    :param certificate: as KSeF gives it.
    :param pem: of the key.
    :raises KsefInputError: where they do not belong together.
    """
    mask_secrets(secrets_of(read_certificate(certificate.pem, pem), {}))
    return NewSecret(certificate=certificate.pem, private_key=pem)


def log_in_by(ksef: KsefClient, secret: NewSecret) -> None:
    """
    Make sure that KSeF lets us in by a new certificate, before it takes the place of the old one.

    :param ksef: whose environment and context are meant.
    :param secret: the certificate.
    :raises KsefLoginError: where it does not.
    """
    settings = replace(ksef.settings, credential=read_certificate(secret.certificate, secret.private_key))
    for pause in (*LOGIN_PAUSES, None):
        try:
            with KsefClient(settings, limiter=limiter_for(settings)) as visitor:
                open_clients.add(visitor)  # who kills the task ends this login, too
                visitor.log_in()
        except KsefLoginError:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return
