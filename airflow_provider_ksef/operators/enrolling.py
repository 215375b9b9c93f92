"""Getting a certificate into a sink, so that a kill costs no application and leaves no credential behind."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from airflow_provider_ksef.client import certificate_enrollment, ksef_certificates
from airflow_provider_ksef.client.certificate_requests import (
    CertificateRequest,
    build_request,
    generate_private_key,
)
from airflow_provider_ksef.client.ksef_certificates import CertificateInfo
from airflow_provider_ksef.exceptions import KsefIntegrityError, KsefStatusError
from airflow_provider_ksef.operators.held_certificates import (
    held_certificate,
    held_serial,
    is_of_key,
    key_in,
    log_in_by,
    with_key,
)
from airflow_provider_ksef.operators.known_certificates import KnownCertificates
from airflow_provider_ksef.operators.pending_applications import PendingApplications
from airflow_provider_ksef.operators.pending_secrets import PendingSecret, is_strange, place_of
from airflow_provider_ksef.operators.secret_task import SecretTask

log = logging.getLogger(__name__)

STATE_KEY = "certificate_enrollment"


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
    Applies for certificates of one name for one task. The key is kept as pending before KSeF hears of it, and
    is found there by whoever goes on.

    :param task: the task; its sink gets the certificate with its key.
    :param wanted: the certificate.
    """

    def __init__(self, task: SecretTask, wanted: WantedCertificate) -> None:
        self._task = task
        self._wanted = wanted
        self._facts = {
            **place_of(task.ksef.settings),
            "certificate_name": wanted.name,
            "certificate_type": wanted.type,
            "key_type": wanted.key_type,
        }
        self._known = KnownCertificates(task.ksef)
        self._applications = PendingApplications(task)
        self._pending: PendingSecret | None = None
        self._still_to_replace = ""
        self._replaced = ""
        self.active: list[CertificateInfo] = []
        self.lost: list[CertificateInfo] = []
        self.revoked: list[str] = []

    @property
    def is_under_way(self) -> bool:
        """Whether an earlier try has left a key to go on with."""
        return self._pending is not None

    def look(self) -> None:
        """Judge what earlier tries have left, and read which active certificates there are, newest first."""
        pending = self._task.place.read()
        if pending is not None:
            self._pending = self._judged(pending)
        found = self._known.active(self._facts)
        self.active = [each for each in found if each not in self.lost]

    def current(self) -> CertificateInfo | None:
        """Give the active certificate that the sink holds, as far as it can tell; else the newest one."""
        if not self._task.sink.can_tell:
            return self.active[0] if self.active else None
        held = held_serial(self._task.sink)
        return next((each for each in self.active if each.certificate_serial_number == held), None)

    def enroll(self, replaces: str = "") -> CertificateInfo:
        """
        Go on with what is pending, or apply; see that one can log in by the certificate, and save it.

        :param replaces: serial number of the certificate to be revoked afterwards.
        :raises KsefStatusError: where KSeF refuses it.
        :raises KsefTimeoutError: where KSeF takes longer.
        """
        taken_up = None if self._pending is None else self._taken_up(self._pending)
        info = taken_up or self._applied(replaces or self._still_to_replace)
        pending, wanted = self._applied_for, self._wanted
        serial = info.certificate_serial_number
        secret = with_key(self._known.retrieved(serial), pending.private_key)
        if wanted.type == "Authentication" and not _is_future(wanted.valid_from):
            log_in_by(self._task.ksef, secret)
        self._task.sink.save(secret)
        if not self._task.place.survives:
            self._task.place.keep(replace(pending, saved=serial))
        log.info("Certificate %s is issued and saved.", serial)
        self._replaced = pending.replaces
        return info

    def finish(self) -> list[str]:
        """Revoke what has no key or no use any more, and forget what was pending; give what was revoked."""
        lost = [each.certificate_serial_number for each in self.lost]
        self._revoke([*lost, self._replaced])
        self._task.place.drop()
        return self.revoked

    @property
    def _applied_for(self) -> PendingSecret:
        if self._pending is None:
            raise AssertionError("nothing is pending")
        return self._pending

    def _judged(self, pending: PendingSecret) -> PendingSecret | None:
        """Give what can be gone on with; finish what is done; give up what nobody wants or has a key to."""
        if is_strange(pending, self._facts, "environment"):
            log.warning(
                "What was pending in %r, %s, is no certificate or of another environment and is dropped: "
                "revoke what came of it.",
                self._task.sink,
                pending.reference_number or "not yet asked for",
            )
        elif not pending.private_key:
            self._applications.wait_out(pending)
            self.lost = self._without_key(pending)
            self._retire(pending, pending.saved or self._new_in_sink(pending))
            return None
        elif (held := held_certificate(self._task.sink)) and is_of_key(held, pending.private_key):
            self._retire(pending, held_serial(self._task.sink))
        elif pending.wanted == self._facts:
            return pending
        else:
            self._applications.wait_out(pending)
            made = self._applications.issued(pending)
            log.warning("What was pending in %r is for another task and is dropped.", self._task.sink)
            self._revoke([each.certificate_serial_number for each in made])
        self._task.place.drop()
        return None

    def _new_in_sink(self, pending: PendingSecret) -> str | None:
        held = held_serial(self._task.sink)
        return None if held in (pending.replaces, *pending.before) else held

    def _retire(self, pending: PendingSecret, in_force: str | None) -> None:
        """Revoke what a saved certificate replaces, as long as it works itself; else the next one does so."""
        active = [each.certificate_serial_number for each in self._known.active(pending.wanted)]
        if in_force in active:
            self._revoke([pending.replaces])
        elif in_force is not None:
            self._still_to_replace = pending.replaces

    def _taken_up(self, pending: PendingSecret) -> CertificateInfo | None:
        """Give the certificate that was issued for a pending key; None where it is to be applied for."""
        is_own = pending.reference_number in self._task.progress.pending
        try:
            serial = self._applications.decided(pending)
        except KsefStatusError as refused:
            self._drop()
            if is_own:
                raise
            log.warning("%s Applying anew.", refused)
            return None
        if serial is None:
            return next(iter(self._applications.issued(pending)), None)
        info = self._known.issued(serial)
        if info.status == "Active":
            return info
        self._drop()
        if is_own:
            raise KsefIntegrityError(f"The new certificate {serial} is {info.status}.", "Run the task again.")
        log.warning("Certificate %s, which was pending, is %s. Applying anew.", serial, info.status)
        return None

    def _applied(self, replaces: str) -> CertificateInfo:
        wanted, ksef = self._wanted, self._task.ksef
        data = ksef.run(certificate_enrollment.enrollment_data())
        pending = self._pending or self._begun(replaces)
        request = build_request(data, key_in(pending.private_key))
        enrollment = ksef.run(
            certificate_enrollment.enroll(wanted.name, wanted.type, request.csr, valid_from=wanted.valid_from)
        )
        reference = enrollment.reference_number
        self._keep(replace(pending, reference_number=reference))
        self._task.progress.pending.append(reference)
        info = self._taken_up(self._applied_for)
        if info is None:
            raise KsefIntegrityError(
                f"KSeF took the application {reference} and knows it no more.", "Run the task again."
            )
        return info

    def _begun(self, replaces: str) -> PendingSecret:
        """Make a key and keep it; from here on nothing is lost."""
        left = self._task.ksef.run(ksef_certificates.limits()).enrollment.remaining
        pending = PendingSecret(
            self._facts,
            time.time(),
            before=tuple(each.certificate_serial_number for each in self.active),
            private_key=CertificateRequest(
                b"", generate_private_key(self._wanted.key_type)
            ).private_key_pem(),
            replaces=replaces,
            applications_left=left,
        )
        self._keep(pending)
        return pending

    def _without_key(self, pending: PendingSecret) -> list[CertificateInfo]:
        """Give the active certificates that came of an application whose key is lost."""
        known = {*pending.before, pending.saved, held_serial(self._task.sink)}
        return [
            each for each in self._known.active(pending.wanted) if each.certificate_serial_number not in known
        ]

    def _revoke(self, serials: list[str]) -> None:
        self.revoked += self._known.revoke(filter(None, serials))

    def _keep(self, pending: PendingSecret) -> None:
        self._pending = pending
        self._task.place.keep(pending)

    def _drop(self) -> None:
        self._pending = None
        self._task.place.drop()


def _is_future(moment: datetime | None) -> bool:
    return moment is not None and moment > datetime.now(UTC)
