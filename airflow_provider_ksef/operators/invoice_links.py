"""The verification links of invoices that are sent, as far as their documents say enough for them."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.credentials import CertificateCredential
from airflow_provider_ksef.client.verification_links import (
    certificate_link,
    check_offline_certificate,
    invoice_link,
)
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.hooks.ksef import KsefHook


class InvoiceLinks:
    """
    The links of one company's invoices.

    :param settings: whose invoices they are, and in which environment of KSeF.
    :param offline_conn_id: the connection that holds the certificate for links of KOD II; None for no such
        links.
    :raises KsefInputError: where that certificate cannot sign links.
    """

    def __init__(self, settings: Settings, offline_conn_id: str | None) -> None:
        self._url = settings.environment.qr_url
        self._context = settings.context
        self._certificate = None if offline_conn_id is None else offline_certificate(offline_conn_id)

    def verification_url(self, seller_nip: str | None, issued: date | None, invoice_hash: str) -> str | None:
        """
        Make the link of KOD I; None where the seller has no right NIP, as in PEF, or there is no date.

        :param seller_nip: as the document states it.
        :param issued: likewise.
        :param invoice_hash: Base64 SHA-256 of the file.
        """
        if seller_nip is None or issued is None:
            return None
        with suppress(KsefInputError):
            return invoice_link(self._url, seller_nip, issued, invoice_hash)
        return None

    def certificate_url(self, seller_nip: str | None, invoice_hash: str) -> str | None:
        """
        Make the link of KOD II; None where no certificate signs, or the seller has no right NIP.

        :param seller_nip: as the document states it.
        :param invoice_hash: Base64 SHA-256 of the file.
        """
        if seller_nip is None or self._certificate is None:
            return None
        with suppress(KsefInputError):
            return certificate_link(self._url, self._context, seller_nip, invoice_hash, self._certificate)
        return None


def offline_certificate(offline_conn_id: str) -> CertificateCredential:
    """
    Read the certificate that signs links of KOD II.

    :param offline_conn_id: a connection of type ``ksef`` with a KSeF certificate of the type ``Offline``.
    :raises KsefInputError: where there is none, or it cannot sign links.
    """
    credential = KsefHook(offline_conn_id).settings.credential
    if not isinstance(credential, CertificateCredential):
        raise KsefInputError(
            "offline_conn_id",
            offline_conn_id,
            "holds a KSeF token and no certificate",
            "Fill in certificate and private_key with those of a KSeF certificate of the type Offline.",
        )
    check_offline_certificate(credential)
    return credential
