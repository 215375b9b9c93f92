"""How much a context and a subject may do. A megabyte is a million bytes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

MEGABYTE = 1_000_000
MOST_COLLECTED = {"maxInvoices": 500}
_MOST_CERTIFICATES = {"Nip": (300, 100)}
_FEW_CERTIFICATES = (12, 6)


class SessionLimits(msgspec.Struct, frozen=True):
    """Sizes and number of the invoices of one session."""

    megabytes: int = msgspec.field(default=1, name="maxInvoiceSizeInMB")
    megabytes_with_attachment: int = msgspec.field(default=3, name="maxInvoiceWithAttachmentSizeInMB")
    invoices: int = msgspec.field(default=10_000, name="maxInvoices")

    @property
    def size(self) -> int:
        """Most bytes of an invoice without attachment."""
        return self.megabytes * MEGABYTE

    @property
    def size_with_attachment(self) -> int:
        """Most bytes of an invoice."""
        return max(self.size, self.megabytes_with_attachment * MEGABYTE)


class ContextLimits(msgspec.Struct, frozen=True, rename="camel"):
    """What one context may send."""

    online_session: SessionLimits = SessionLimits()
    batch_session: SessionLimits = SessionLimits()
    collective_identifier: dict[str, int] = msgspec.field(default_factory=MOST_COLLECTED.copy)

    def of_session(self, kind: str) -> SessionLimits:
        """Those of Online or Batch sessions."""
        return self.online_session if kind == "Online" else self.batch_session


class Bound(msgspec.Struct, frozen=True):
    """A limit that test data may set, and between which values."""

    name: str
    least: int
    most: int

    def violations(self, value: int) -> Iterator[str]:
        """Say what is wrong with a value, if anything is."""
        if not self.least <= value <= self.most:
            yield f"'{self.name}' must be between {self.least} and {self.most}. You entered {value}."


def certificate_limits(subject: str, enrollments: int | None, certificates: int | None) -> tuple[int, int]:
    """
    How many certificates one subject may apply for, and how many it may have.

    :param subject: its type and value, e.g. ``Nip:5250001210``.
    :param enrollments: what test data set instead of KSeF's own number; so are ``certificates``.
    """
    own = _MOST_CERTIFICATES.get(subject.partition(":")[0], _FEW_CERTIFICATES)
    return (
        own[0] if enrollments is None else enrollments,
        own[1] if certificates is None else certificates,
    )
