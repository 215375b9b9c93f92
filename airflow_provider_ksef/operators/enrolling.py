"""Getting a certificate into a sink, so that a kill costs one application and no credential."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from airflow_provider_ksef._compat import TaskState, mask_secrets
from airflow_provider_ksef.client import KsefClient, certificate_enrollment, ksef_certificates
from airflow_provider_ksef.client.certificate_requests import (
    CertificateRequest,
    build_request,
    generate_private_key,
)
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.ksef_certificates import CertificateInfo
from airflow_provider_ksef.exceptions import KsefApiError, KsefIntegrityError, KsefLoginError, KsefStatusError
from airflow_provider_ksef.hooks.ksef import open_clients
from airflow_provider_ksef.hooks.limiting import limiter_for
from airflow_provider_ksef.hooks.masking import secrets_of
from airflow_provider_ksef.operators.secret_sinks import NewSecret, SecretSink

log = logging.getLogger(__name__)

STATE_KEY = "certificate_enrollment"
LOGIN_PAUSES = (2.0, 5.0, 10.0, 20.0)
"""Seconds between tries to log in by a new certificate, which KSeF may not know everywhere at once."""
_INACTIVE = 25009


@dataclass(frozen=True)
class WantedCertificate:
    """
    A certificate to apply for.

    :param name: to find it by.
    :param type: ``Authentication`` or ``Offline``.
    :param key_type: ``EC P-256`` or ``RSA-2048``.
    :param valid_from: with a time zone; None is from its issue on.
    """

    name: str
    type: str
    key_type: str
    valid_from: datetime | None = None


class Enroller:
    """
    Applies for certificates of one name for one task.

    What cannot be repeated is noted before: which certificates there were, and the application. So the next
    try knows a certificate whose key was lost with a killed one.

    :param ksef: the client, logged in by certificate.
    :param wanted: the certificate.
    :param sink: where it goes, with its key.
    :param state: the task's.
    """

    def __init__(
        self, ksef: KsefClient, wanted: WantedCertificate, sink: SecretSink, state: TaskState
    ) -> None:
        self._ksef = ksef
        self._wanted = wanted
        self._sink = sink
        self._state = state
        self._note: dict[str, Any] = {}
        self.active: list[CertificateInfo] = []
        self.lost: list[CertificateInfo] = []

    def look(self) -> None:
        """Read which active certificates there are, the newest first, and which have lost their key."""
        self._note = self._state.get(STATE_KEY) or {}
        if reference := self._note.get("reference"):
            with suppress(KsefStatusError, KsefApiError):
                self._ksef.run(certificate_enrollment.wait_for_certificate(reference))
        wanted = self._wanted
        found = self._ksef.run(ksef_certificates.query(name=wanted.name, type=wanted.type, status="Active"))
        own = [each for each in found if each.name == wanted.name]
        lost = self._lost(own)
        self.active = [each for each in own if each not in lost]
        self.lost = lost

    def replaced(self) -> list[CertificateInfo]:
        """Give the certificate that the sink held before the new one; none where that is not sure."""
        held, old = held_serial(self._sink), self._note.get("replaces")
        is_saved = bool(self._note.get("saved")) or held not in (None, old, *self._note.get("before", ()))
        return [each for each in self.active if is_saved and each.certificate_serial_number == old]

    def current(self) -> CertificateInfo | None:
        """Give the active certificate that the sink holds, as far as it can tell; else the newest one."""
        if not self._sink.can_tell:
            return self.active[0] if self.active else None
        held = held_serial(self._sink)
        return next((each for each in self.active if each.certificate_serial_number == held), None)

    def enroll(self, deadline: float, replaces: CertificateInfo | None = None) -> CertificateInfo:
        """
        Make a key, apply, wait, see that one can log in by it, and save both.

        :param deadline: in seconds since the epoch.
        :param replaces: what the sink holds by now.
        :raises KsefStatusError: where KSeF refuses it.
        :raises KsefTimeoutError: where KSeF takes longer.
        """
        wanted, ksef = self._wanted, self._ksef
        request = build_request(
            ksef.run(certificate_enrollment.enrollment_data()), generate_private_key(wanted.key_type)
        )
        old = None if replaces is None else replaces.certificate_serial_number
        self._keep_note(before=[each.certificate_serial_number for each in self.active], replaces=old)
        enrollment = ksef.run(
            certificate_enrollment.enroll(wanted.name, wanted.type, request.csr, valid_from=wanted.valid_from)
        )
        self._keep_note(reference=enrollment.reference_number)
        left = max(0.0, deadline - time.time())
        serial = ksef.run(certificate_enrollment.wait_for_certificate(enrollment.reference_number, left))
        secret = self._secret(serial, request)
        if wanted.type == "Authentication" and not _is_future(wanted.valid_from):
            _log_in_by(ksef, secret)
        self._sink.save(secret)
        self._keep_note(saved=serial)
        log.info("Certificate %s is issued and saved.", serial)
        (info,) = ksef.run(ksef_certificates.query(certificate_serial_number=serial))
        return info

    def revoke(self, certificates: Sequence[CertificateInfo]) -> list[str]:
        """Revoke certificates in whose place there is another one; what is revoked already is passed over."""
        revoked = []
        for each in certificates:
            serial = each.certificate_serial_number
            try:
                self._ksef.run(ksef_certificates.revoke(serial, "Superseded"))
            except KsefApiError as error:
                if error.fault.code != _INACTIVE:
                    raise
            log.info("Certificate %s is revoked.", serial)
            revoked.append(serial)
        return revoked

    def forget(self) -> None:
        """Drop the note, once there is nothing left to do."""
        self._state.delete(STATE_KEY)

    def _lost(self, own: Sequence[CertificateInfo]) -> list[CertificateInfo]:
        """Those that came after an earlier try's note and were not saved."""
        if "before" not in self._note:
            return []
        known = {*self._note["before"], self._note.get("saved"), held_serial(self._sink)}
        return [each for each in own if each.certificate_serial_number not in known]

    def _keep_note(self, **more: Any) -> None:
        self._note = {**({} if "before" in more else self._note), **more}
        self._state.set(STATE_KEY, self._note)

    def _secret(self, serial: str, request: CertificateRequest) -> NewSecret:
        found = self._ksef.run(ksef_certificates.retrieve([serial]))
        if not found:
            raise KsefIntegrityError(
                f"KSeF issued the certificate {serial} and does not give it.", "Run the task again."
            )
        credential = read_certificate(found[0].pem, request.private_key_pem())
        mask_secrets(secrets_of(credential, {}))
        return NewSecret(certificate=found[0].pem, private_key=request.private_key_pem())


def held_serial(sink: SecretSink) -> str | None:
    """
    Give the serial number of the certificate that a sink holds; None where it holds none, or cannot tell.

    :param sink: the sink.
    """
    held = sink.read()
    if held is None or "-----BEGIN CERTIFICATE" not in held.certificate:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(held.certificate.encode())
    except ValueError:
        return None
    return f"{certificate.serial_number:016X}"


def _is_future(moment: datetime | None) -> bool:
    return moment is not None and moment > datetime.now(UTC)


def _log_in_by(ksef: KsefClient, secret: NewSecret) -> None:
    """
    Make sure that KSeF lets us in by a new certificate, before it takes the place of the old one.

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
