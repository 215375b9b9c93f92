"""What has become of an application for a certificate, whoever has made it and however far he has come."""

from __future__ import annotations

import time
from contextlib import suppress

from airflow_provider_ksef.client import certificate_enrollment, ksef_certificates
from airflow_provider_ksef.client.ksef_certificates import CertificateInfo
from airflow_provider_ksef.exceptions import KsefApiError, KsefStatusError
from airflow_provider_ksef.operators.known_certificates import KnownCertificates
from airflow_provider_ksef.operators.pending_secrets import PendingSecret, is_unknown
from airflow_provider_ksef.operators.secret_task import SecretTask
from airflow_provider_ksef.triggers.enrollment import KsefEnrollmentTrigger

LOOKING_SECONDS = 5.0
"""Between two looks for a certificate of whose application no answer has come."""


class PendingApplications:
    """
    Asks KSeF what has become of applications, and waits for it.

    :param task: the task that wants the certificates.
    """

    def __init__(self, task: SecretTask) -> None:
        self._task = task
        self._known = KnownCertificates(task.ksef)

    def decided(self, pending: PendingSecret) -> str | None:
        """
        Wait until KSeF has decided.

        :returns: the serial number; None where KSeF knows no such application, or it is not known which.
        :raises KsefStatusError: where KSeF refuses it.
        :raises KsefTimeoutError: where KSeF takes longer.
        """
        reference = pending.reference_number
        if not reference:
            return None
        try:
            status = self._task.ksef.run(certificate_enrollment.get_status(reference))
            if status.is_final:
                return certificate_enrollment.issued_serial(reference, status)
            if self._task.place.survives:
                self._task.operator.leave_slot(KsefEnrollmentTrigger, reference, self._task.progress)
            left = max(0.0, self._task.progress.deadline - time.time())
            return self._task.ksef.run(certificate_enrollment.wait_for_certificate(reference, left))
        except KsefApiError as error:
            if not is_unknown(error):
                raise
            return None

    def wait_out(self, pending: PendingSecret) -> None:
        """Wait until KSeF has decided, however."""
        with suppress(KsefStatusError):
            self.decided(pending)

    def issued(self, pending: PendingSecret) -> list[CertificateInfo]:
        """
        Look for active certificates of a pending key, the newest first.

        Where KSeF has taken an application since the key was kept, and its answer did not come, that may be
        the one for it: then a certificate may still come.
        """
        while True:
            issued = self._known.of_key(pending.wanted, pending.private_key)
            waited = time.time() - pending.kept_at
            if issued or waited > certificate_enrollment.PATIENCE or not self._has_come_in(pending):
                return issued
            time.sleep(LOOKING_SECONDS)

    def _has_come_in(self, pending: PendingSecret) -> bool:
        before = pending.applications_left
        return (
            before is not None
            and self._task.ksef.run(ksef_certificates.limits()).enrollment.remaining < before
        )
