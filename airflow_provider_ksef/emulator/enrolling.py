"""Applying for a KSeF certificate: who may, within which limits, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from airflow_provider_ksef.emulator.access import Caller
from airflow_provider_ksef.emulator.authority import new_serial
from airflow_provider_ksef.emulator.choices import CertificateStatus, CertificateType
from airflow_provider_ksef.emulator.crypto import digest
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.enrollment_data import enrollment_data
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.limits import certificate_limits
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.store.certificates import Enrollment, KsefCertificate
from airflow_provider_ksef.emulator.work_faults import WorkFaultKind

LIFE = 2 * 365 * 86_400 * TICKS_PER_SECOND
_SUBJECTS = ("Nip", "Pesel", "Fingerprint")
_FOREIGN_KEY = "Klucz publiczny został już certyfikowany przez inny podmiot."
_TOO_MANY = "Osiągnięto dopuszczalny limit posiadanych certyfikatów."


@dataclass(frozen=True)
class Application:
    """
    What somebody applies for.

    :param valid_from: in ticks; from its issue on where it is not given or already past.
    """

    name: str
    kind: CertificateType
    request: x509.CertificateSigningRequest
    valid_from: int | None


@dataclass(frozen=True)
class Allowance:
    """How many applications and certificates a subject may have, and how many are left."""

    enrollments: int
    enrollments_left: int
    certificates: int
    certificates_left: int


def applicants_data(emulator: Emulator, caller: Caller) -> dict[str, str] | None:
    """What a request must say of the caller; nothing where he did not come by a certificate that tells it."""
    der = emulator.certificates.signer(caller.login)
    if der is None or Identity.parse(caller.subject).type not in _SUBJECTS:
        return None
    return enrollment_data(x509.load_der_x509_certificate(der).subject)


def allowance(emulator: Emulator, subject: Identity, moment: int) -> Allowance:
    """
    What a subject may still apply for.

    :param moment: in ticks; certificates count that are there by then and good.
    """
    enrollments, certificates = certificate_limits(str(subject), *emulator.limits.subject(str(subject)))
    active = [
        each
        for each in emulator.certificates.select([subject])
        if each.issued <= moment and each.status_at(moment) is CertificateStatus.ACTIVE
    ]
    asked = emulator.certificates.count_enrollments(subject)
    return Allowance(
        enrollments, max(0, enrollments - asked), certificates, max(0, certificates - len(active))
    )


def enroll(emulator: Emulator, subject: Identity, application: Application) -> Enrollment:
    """
    Decide on an application and keep the result, which its status tells later.

    :raises ApiError: 25006 and 25007 where the subject has used its limits up.
    """
    now = emulator.clock.now()
    left = allowance(emulator, subject, now)
    if not left.enrollments_left:
        raise ApiError(25006)
    if not left.certificates_left:
        raise ApiError(25007)
    ready = now + round(emulator.settings.delay * TICKS_PER_SECOND)
    code, detail = _decide(emulator, subject, application, ready)
    serial = None
    if code == 200:
        serial = new_serial()
        emulator.certificates.add(_issue(emulator, subject, application, serial, (now, ready)))
    enrollment = Enrollment(emulator.new_reference("EH"), subject, now, ready, code, detail, serial)
    emulator.certificates.add_enrollment(enrollment)
    return enrollment


def _decide(
    emulator: Emulator, subject: Identity, application: Application, ready: int
) -> tuple[int, str | None]:
    ordered = emulator.work_faults.take_code(WorkFaultKind.ENROLLMENT_STATUS)
    if ordered is not None:
        return ordered, None
    if emulator.certificates.certified_for_others(_key_hash(application.request), subject):
        return 400, _FOREIGN_KEY
    if not allowance(emulator, subject, ready).certificates_left:
        return 400, _TOO_MANY
    return 200, None


def _issue(
    emulator: Emulator, subject: Identity, application: Application, serial: str, moments: tuple[int, int]
) -> KsefCertificate:
    requested, issued = moments
    start = max(application.valid_from or 0, issued) // TICKS_PER_SECOND * TICKS_PER_SECOND
    end = start + LIFE
    request = application.request
    der = emulator.authority.issue(request, application.kind, serial, (start, end))
    common_name = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return KsefCertificate(
        serial=serial,
        name=application.name,
        kind=application.kind,
        subject=subject,
        common_name=str(common_name),
        der=der,
        public_key=_key_hash(request),
        requested=requested,
        issued=issued,
        valid_from=start,
        valid_to=end,
    )


def _key_hash(request: x509.CertificateSigningRequest) -> str:
    return digest(request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
