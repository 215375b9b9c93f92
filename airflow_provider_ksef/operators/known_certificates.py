"""What KSeF knows of a login's certificates, by name, serial number or key, and their end."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from cryptography import x509

from airflow_provider_ksef.client import KsefClient, ksef_certificates
from airflow_provider_ksef.client.ksef_certificates import CertificateInfo, RetrievedCertificate
from airflow_provider_ksef.exceptions import KsefApiError, KsefIntegrityError
from airflow_provider_ksef.operators.held_certificates import is_of_key

log = logging.getLogger(__name__)

_UNKNOWN, _INACTIVE = 25008, 25009


class KnownCertificates:
    """
    Asks for the certificates of who is logged in.

    :param ksef: the client, logged in by certificate.
    """

    def __init__(self, ksef: KsefClient) -> None:
        self._ksef = ksef

    def active(self, facts: Mapping[str, str]) -> list[CertificateInfo]:
        """
        List active certificates, the newest first.

        :param facts: with ``certificate_name`` and ``certificate_type``.
        """
        name, kind = facts["certificate_name"], facts["certificate_type"]
        found = self._ksef.run(ksef_certificates.query(name=name, type=kind, status="Active"))
        return [each for each in found if each.name == name]

    def issued(self, serial: str) -> CertificateInfo:
        """
        Tell of a certificate that KSeF has just issued.

        :raises KsefIntegrityError: where KSeF does not know it.
        """
        found = self._ksef.run(ksef_certificates.query(certificate_serial_number=serial))
        if not found:
            raise _untold(serial)
        return found[0]

    def retrieved(self, serial: str) -> RetrievedCertificate:
        """
        Give a certificate itself.

        :raises KsefIntegrityError: where KSeF does not give it.
        """
        found = self._ksef.run(ksef_certificates.retrieve([serial]))
        if not found:
            raise _untold(serial)
        return found[0]

    def of_key(self, facts: Mapping[str, str], private_key: str) -> list[CertificateInfo]:
        """
        List the active certificates that were issued for a key, the newest first.

        :param facts: as of :meth:`active`.
        :param private_key: PEM.
        """
        found = self.active(facts)
        if not found:
            return []
        own = {
            each.certificate_serial_number
            for each in self._ksef.run(ksef_certificates.retrieve(_serials(found)))
            if is_of_key(x509.load_der_x509_certificate(each.certificate), private_key)
        }
        return [each for each in found if each.certificate_serial_number in own]

    def revoke(self, serials: Iterable[str]) -> list[str]:
        """Revoke certificates and give their serial numbers; what is revoked already is passed over."""
        revoked = []
        for serial in serials:
            try:
                self._ksef.run(ksef_certificates.revoke(serial, "Superseded"))
            except KsefApiError as error:
                if error.fault.code == _UNKNOWN:
                    log.warning("Certificate %s cannot be revoked: it is none of this login's.", serial)
                    continue
                if error.fault.code != _INACTIVE:
                    raise
            log.info("Certificate %s is revoked.", serial)
            revoked.append(serial)
        return revoked


def _serials(certificates: Sequence[CertificateInfo]) -> list[str]:
    return [each.certificate_serial_number for each in certificates]


def _untold(serial: str) -> KsefIntegrityError:
    return KsefIntegrityError(
        f"KSeF issued the certificate {serial} and does not give it.", "Run the task again."
    )
