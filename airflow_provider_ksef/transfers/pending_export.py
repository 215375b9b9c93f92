"""What a task notes of an export, so that its next try takes the package instead of asking for another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.crypto import DerivedKey, SessionKey, new_salt
from airflow_provider_ksef.client.derived_keys import derived_key
from airflow_provider_ksef.client.filters import InvoiceFilters

PURPOSE = "export"
PERMANENT_STORAGE = "PermanentStorage"


@dataclass(frozen=True)
class ExportRequest:
    """
    What an export is asked for.

    :param subject_type: the role that it covers.
    :param start: lower bound, inclusive; KSeF's own date string.
    :param end: upper bound, inclusive, or None for "up to the high-water mark".
    :param date_type: which date the bounds mean.
    :param only_metadata: without the documents.
    """

    subject_type: str
    start: str
    end: str | None
    date_type: str = PERMANENT_STORAGE
    only_metadata: bool = True

    def filters(self) -> InvoiceFilters:
        """Give it in KSeF's words; only storage dates know a high-water mark."""
        return InvoiceFilters(
            subject_type=self.subject_type,
            date_type=self.date_type,
            date_from=self.start,
            date_to=self.end,
            restrict_to_hwm=self.date_type == PERMANENT_STORAGE,
        )


@dataclass(frozen=True)
class PendingExport:
    """
    An export that KSeF prepares; plain JSON without a secret.

    The AES key is derived from the connection's secret and the salt whenever it is needed, on whichever
    worker, and is stored nowhere (design: no secret leaves the connection).

    :param reference_number: the export in KSeF.
    :param subject_type: the role that it covers.
    :param window_start: the position it begins at, KSeF's own date string.
    :param window_end: its upper bound, or None for "up to the high-water mark".
    :param salt: hexadecimal.
    :param check_value: tells whether the connection's secret is still the same one.
    :param date_type: which date the bounds mean.
    :param only_metadata: whether the package comes without the documents.
    """

    reference_number: str
    subject_type: str
    window_start: str
    window_end: str | None
    salt: str
    check_value: str
    date_type: str = PERMANENT_STORAGE
    only_metadata: bool = True

    @property
    def request(self) -> ExportRequest:
        """What was asked for."""
        return ExportRequest(
            self.subject_type, self.window_start, self.window_end, self.date_type, self.only_metadata
        )

    def to_json(self) -> dict[str, Any]:
        """Give what is kept in task state and in a deferred task's arguments."""
        return asdict(self)

    @classmethod
    def from_json(cls, noted: dict[str, Any]) -> PendingExport:
        """Read what :meth:`to_json` gave."""
        return cls(**noted)

    def key(self, settings: Settings) -> SessionKey | None:
        """
        Derive the key that the package is encrypted with.

        :returns: None where the secret was rotated since: the package cannot be read, a new export is needed.
        """
        derived = _derive(settings, bytes.fromhex(self.salt))
        return derived.session_key if derived.check_value == self.check_value else None


def new_export_key(settings: Settings) -> tuple[str, DerivedKey]:
    """
    Make a fresh key for an export.

    :returns: the salt in hexadecimal, and the key with its check value.
    """
    salt = new_salt()
    return salt.hex(), _derive(settings, salt)


def _derive(settings: Settings, salt: bytes) -> DerivedKey:
    return derived_key(settings, salt, purpose=PURPOSE)
