"""KSeF certificates, the applications for them, and the certificates that logins were signed by."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace

from airflow_provider_ksef.emulator.choices import CertificateStatus
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.database import Database, Row


@dataclass(frozen=True)
class KsefCertificate:
    """
    A certificate that KSeF issued. Moments are in ticks.

    :param kind: ``Authentication`` or ``Offline``.
    :param subject: whom KSeF recognizes by it.
    :param public_key: SHA-256 of the key in Base64.
    :param issued: from when on it is there.
    :param valid_to: may be earlier than the certificate itself says.
    :param revoked: from when on it is revoked; until then it is blocked.
    :param used: when it last let somebody in.
    """

    serial: str
    name: str
    kind: str
    subject: Identity
    common_name: str
    der: bytes
    public_key: str
    requested: int
    issued: int
    valid_from: int
    valid_to: int
    revoked: int | None = None
    used: int | None = None

    def status_at(self, moment: int) -> CertificateStatus:
        """KSeF's name for how it stands."""
        if self.revoked is not None:
            return CertificateStatus.BLOCKED if moment < self.revoked else CertificateStatus.REVOKED
        return CertificateStatus.EXPIRED if moment >= self.valid_to else CertificateStatus.ACTIVE


@dataclass(frozen=True)
class Enrollment:
    """
    An application for a certificate.

    :param ready: from when on its result ``code`` is told, in ticks.
    :param serial: of the certificate that it led to.
    """

    reference: str
    subject: Identity
    requested: int
    ready: int
    code: int
    detail: str | None = None
    serial: str | None = None


_NAMES = [field.name for field in fields(KsefCertificate)]
_COLUMNS = ", ".join(_NAMES)


class CertificateStore:
    """What all subjects applied for and got."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_signer(self, login: str, der: bytes) -> None:
        """Keep the certificate that a login was signed by."""
        self._database.execute("INSERT INTO signers VALUES (?, ?)", (login, der))

    def signer(self, login: str) -> bytes | None:
        row = self._database.row("SELECT certificate FROM signers WHERE login = ?", (login,))
        return bytes(row[0]) if row else None

    def add(self, certificate: KsefCertificate) -> None:
        values = list(astuple(certificate))
        values[_NAMES.index("subject")] = str(certificate.subject)
        marks = ", ".join("?" * len(values))
        self._database.execute(f"INSERT INTO ksef_certificates ({_COLUMNS}) VALUES ({marks})", values)

    def get(self, serial: str, now: int) -> KsefCertificate | None:
        return self._first("serial = ? AND issued <= ?", (serial, now))

    def find(self, der: bytes) -> KsefCertificate | None:
        """The KSeF certificate with these bytes."""
        return self._first("der = ?", (der,))

    def certified_for_others(self, public_key: str, subject: Identity) -> bool:
        """Whether somebody else already has a certificate of that key."""
        return self._first("public_key = ? AND subject <> ?", (public_key, str(subject))) is not None

    def select(self, subjects: Iterable[Identity]) -> list[KsefCertificate]:
        """All certificates of some subjects, the newest application first; also those that come later."""
        names = [str(subject) for subject in subjects]
        return self._all(f"subject IN ({', '.join('?' * len(names))}) ORDER BY requested DESC, serial", names)

    def revoke(self, serial: str, moment: int) -> None:
        """Let a certificate be blocked now and revoked from a moment on."""
        self._database.execute("UPDATE ksef_certificates SET revoked = ? WHERE serial = ?", (moment, serial))

    def shorten(self, serial: str, valid_to: int) -> None:
        self._database.execute(
            "UPDATE ksef_certificates SET valid_to = ? WHERE serial = ?", (valid_to, serial)
        )

    def note_use(self, serial: str, moment: int) -> None:
        self._database.execute("UPDATE ksef_certificates SET used = ? WHERE serial = ?", (moment, serial))

    def add_enrollment(self, enrollment: Enrollment) -> None:
        values = list(astuple(enrollment))
        values[1] = str(enrollment.subject)
        self._database.execute("INSERT INTO enrollments VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def enrollment(self, reference: str) -> Enrollment | None:
        row = self._database.row("SELECT * FROM enrollments WHERE reference = ?", (reference,))
        return replace(Enrollment(*row), subject=Identity.parse(row[1])) if row else None

    def count_enrollments(self, subject: Identity) -> int:
        row = self._database.row("SELECT count(*) FROM enrollments WHERE subject = ?", (str(subject),))
        return int(row[0]) if row else 0

    def _first(self, condition: str, values: Iterable[object]) -> KsefCertificate | None:
        return next(iter(self._all(f"{condition} LIMIT 1", values)), None)

    def _all(self, condition: str, values: Iterable[object]) -> list[KsefCertificate]:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM ksef_certificates WHERE {condition}", values)
        return [_certificate(row) for row in rows]


def _certificate(row: Row) -> KsefCertificate:
    certificate = KsefCertificate(*row)
    return replace(certificate, subject=Identity.parse(row[_NAMES.index("subject")]))
