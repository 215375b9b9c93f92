"""Getting KSeF certificates, renewing them in time, and revoking them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_ksef._compat import Context, task_state
from airflow_provider_ksef.client import KsefClient, ksef_certificates
from airflow_provider_ksef.client.certificate_enrollment import check_certificate_name
from airflow_provider_ksef.client.certificate_requests import KEY_TYPES
from airflow_provider_ksef.client.identifiers import check_certificate_serial
from airflow_provider_ksef.client.input_checks import check_choice, moment_text
from airflow_provider_ksef.client.ksef_certificates import (
    CERTIFICATE_TYPES,
    REVOCATION_REASONS,
    CertificateInfo,
)
from airflow_provider_ksef.operators.certificate_login import check_certificate_login
from airflow_provider_ksef.operators.enrolling import STATE_KEY, Enroller, WantedCertificate
from airflow_provider_ksef.operators.managing import ManagingOperator, ManagingProgress
from airflow_provider_ksef.operators.parameters import check_span, is_given
from airflow_provider_ksef.operators.pending_places import pending_place
from airflow_provider_ksef.operators.secret_sinks import Sink, sink_of
from airflow_provider_ksef.operators.secret_task import SecretTask


class EnrollingOperator(ManagingOperator):
    """
    The ground of the operators that apply for certificates; not used by itself.

    :param certificate_name: 5 to 100 letters, digits, spaces, hyphens and underscores.
    :param sink: where the certificate goes with its key.
    :param certificate_type: ``Authentication`` or ``Offline``.
    :param key_type: ``EC P-256`` or ``RSA-2048``.
    """

    template_fields: Sequence[str] = ("certificate_name", "ksef_conn_id", "context_identifier")

    def __init__(
        self,
        *,
        certificate_name: str,
        sink: Sink,
        certificate_type: str = CERTIFICATE_TYPES[0],
        key_type: str = KEY_TYPES[0],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if is_given(certificate_name):
            check_certificate_name(certificate_name)
        self.certificate_name = certificate_name
        self.certificate_type = check_choice("certificate_type", certificate_type, CERTIFICATE_TYPES)
        self.key_type = check_choice("key_type", key_type, KEY_TYPES)
        self.sink = sink_of(sink)

    def enroller(
        self,
        context: Context,
        ksef: KsefClient,
        progress: ManagingProgress,
        valid_from: datetime | None = None,
    ) -> Enroller:
        """Check what was given, and look which certificates there are."""
        name = check_certificate_name(self.certificate_name)
        check_certificate_login(ksef.settings.credential, self.ksef_conn_id)
        self.sink.check()
        place = pending_place(self.sink, task_state(context), STATE_KEY)
        task = SecretTask(self, ksef, progress, self.sink, place)
        enroller = Enroller(task, WantedCertificate(name, self.certificate_type, self.key_type, valid_from))
        enroller.look()
        for lost in enroller.lost:
            self.log.warning(
                "Certificate %s was issued to an earlier try and its key is lost: to be revoked.",
                lost.certificate_serial_number,
            )
        return enroller


class KsefEnrollCertificateOperator(EnrollingOperator):
    """
    Get a KSeF certificate, and put it with its new private key into a sink.

    The key is made on the worker and never leaves it but for the sink: no XCom, log, trigger or task state
    holds it. The sink keeps it as pending until the certificate is there; whoever goes on after a kill
    goes on with that key. Where the sink holds an active certificate of this name and type, that is what
    is wanted and none is applied for; a sink that cannot tell (a function) is taken to hold the newest.
    One that lets log in is tried before it is saved. A sink that keeps nothing pending (a function) is
    waited for in place, and a certificate whose key was lost with a killed try is revoked as soon as a
    new one is saved.

    The result is ``{"status", "certificate_serial_number", "valid_to", "revoked"}``: ``enrolled`` or
    ``already``. The connection must log in by certificate.

    :param certificate_name: 5 to 100 letters, digits, spaces, hyphens and underscores; it tells the
        certificate from others.
    :param sink: a :class:`~.secret_sinks.FileSink`, an :class:`~.connection_sink.AirflowConnectionSink`, or a
        function that takes a :class:`~.secret_sinks.NewSecret` and keeps it.
    :param certificate_type: ``Authentication`` to log in by, or ``Offline`` to sign invoices' links by.
    :param key_type: ``EC P-256`` or ``RSA-2048``.
    :param valid_from: with a time zone; None is from its issue on.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions at first.
    :param timeout: seconds to wait for the certificate.
    """

    def __init__(self, *, valid_from: datetime | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if valid_from is not None:
            moment_text("valid_from", valid_from)
        self.valid_from = valid_from

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Look what is there; go on, or apply for a certificate, and save it; revoke what has no use."""
        enroller = self.enroller(context, ksef, progress, self.valid_from)
        current, status = enroller.current(), "already"
        if enroller.is_under_way or current is None:
            current, status = enroller.enroll(), "enrolled"
        return _result(status, current, enroller.finish())


class KsefRotateCertificateOperator(EnrollingOperator):
    """
    Renew a KSeF certificate in a sink before it expires, then revoke the old one.

    The order leaves no instant without a working credential: the key is kept as pending in the sink, the new
    certificate is issued, tried (one that lets log in), saved, and only then the one that the sink held
    before is revoked. Whoever comes after a kill goes on with the same key and completes what was begun;
    a sink that keeps nothing pending (a function) costs one application more. Where the sink is the
    connection that the task itself uses, this renews the connection in place. Other certificates are left
    alone, of whatever name.

    What is not due is left alone. The result is ``{"status", "certificate_serial_number", "valid_to",
    "revoked"}``: ``rotated`` or ``not_due``.

    :param certificate_name: of the old certificate and the new one. Of a function as a sink it is taken for
        granted that it holds the newest certificate of this name and type.
    :param sink: as in :class:`KsefEnrollCertificateOperator`.
    :param renew_before: how long before its end a certificate is due.
    :param revoke_old: revoke the old one; KSeF lets it expire otherwise. None revokes one that lets log in,
        and leaves one of the type ``Offline``: links that it has signed no longer hold once it is revoked.
    :param certificate_type: ``Authentication`` or ``Offline``.
    :param key_type: ``EC P-256`` or ``RSA-2048``.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions at first.
    :param timeout: seconds to wait for the certificate.
    """

    def __init__(
        self, *, renew_before: timedelta = timedelta(days=30), revoke_old: bool | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_span("renew_before", renew_before)
        self.renew_before = renew_before
        self.revoke_old = self.certificate_type == "Authentication" if revoke_old is None else revoke_old

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Look what is there; go on, or where it is due get and save a new one; then revoke the old one."""
        enroller = self.enroller(context, ksef, progress)
        current, status = enroller.current(), "not_due"
        if enroller.is_under_way or current is None or self._is_due(current):
            replaces = current.certificate_serial_number if current and self.revoke_old else ""
            current, status = enroller.enroll(replaces), "rotated"
        return _result(status, current, enroller.finish())

    def _is_due(self, certificate: CertificateInfo) -> bool:
        return certificate.valid_to <= datetime.now(UTC) + self.renew_before


class KsefRevokeCertificateOperator(ManagingOperator):
    """
    Revoke a KSeF certificate.

    The result is ``{"status", "certificate_serial_number", "certificate_status"}``: ``revoked``, or
    ``already`` where it was revoked, blocked or expired before.

    :param certificate_serial_number: 16 hexadecimal digits, of one that the login owns.
    :param revocation_reason: ``Unspecified``, ``Superseded`` or ``KeyCompromise``.
    :param ksef_conn_id: the Airflow connection; it must log in by certificate.
    :param context_identifier: overrides the connection's login.
    :param deferrable: leave the worker slot free where KSeF's rate limits allow no call for long.
    """

    template_fields: Sequence[str] = ("certificate_serial_number", "ksef_conn_id", "context_identifier")

    def __init__(
        self,
        *,
        certificate_serial_number: str,
        revocation_reason: str = REVOCATION_REASONS[0],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if is_given(certificate_serial_number):
            check_certificate_serial(certificate_serial_number)
        self.certificate_serial_number = certificate_serial_number
        self.revocation_reason = check_choice("revocation_reason", revocation_reason, REVOCATION_REASONS)

    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """Look at the certificate; revoke it where it is active."""
        del context, progress
        serial = check_certificate_serial(self.certificate_serial_number)
        check_certificate_login(ksef.settings.credential, self.ksef_conn_id)
        found = ksef.run(ksef_certificates.query(certificate_serial_number=serial))
        known = found[0].status if found else "Active"
        if known == "Active":
            ksef.run(ksef_certificates.revoke(serial, self.revocation_reason))
            return {"status": "revoked", "certificate_serial_number": serial, "certificate_status": "Revoked"}
        return {"status": "already", "certificate_serial_number": serial, "certificate_status": known}


def _result(status: str, certificate: CertificateInfo, revoked: list[str]) -> dict[str, Any]:
    return {
        "status": status,
        "certificate_serial_number": certificate.certificate_serial_number,
        "valid_to": certificate.valid_to.isoformat(),
        "revoked": revoked,
    }
