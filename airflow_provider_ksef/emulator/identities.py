"""Who acts and in whose KSeF: identifiers with their types, and how each is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

NIP = r"[1-9](([0-9][1-9])|([1-9][0-9]))[0-9]{7}"
PESEL = r"[0-9]{2}(?:[02468][1-9]|[13579][0-2])[0-9]{7}"
FINGERPRINT = r"[0-9A-F]{64}"
VAT_UE = (
    r"ATU\d{8}|BE[01]\d{9}|BG\d{9,10}|CY\d{8}[A-Z]|CZ\d{8,10}|DE\d{9}|DK\d{8}|EE\d{9}|EL\d{9}|"
    r"ES([A-Z]\d{8}|\d{8}[A-Z]|[A-Z]\d{7}[A-Z])|FI\d{8}|FR[A-Z0-9]{2}\d{9}|HR\d{11}|HU\d{8}|"
    r"IE(\d{7}[A-Z]{2}|\d[A-Z0-9+*]\d{5}[A-Z])|IT\d{11}|LT(\d{9}|\d{12})|LU\d{8}|LV\d{11}|MT\d{8}|"
    r"NL[A-Z0-9+*]{12}|PT\d{9}|RO\d{2,10}|SE\d{12}|SI\d{8}|SK\d{10}|XI(\d{9}|\d{12}|(GD|HA)\d{3})"
)
_PATTERNS = {
    name: re.compile(pattern, re.ASCII)
    for name, pattern in {
        "Nip": NIP,
        "Pesel": PESEL,
        "Fingerprint": FINGERPRINT,
        "InternalId": rf"{NIP}-\d{{5}}",
        "NipVatUe": rf"{NIP}-({VAT_UE})",
        "PeppolId": r"P[A-Z]{2}[0-9]{6}",
    }.items()
}


@dataclass(frozen=True)
class Identity:
    """
    An identifier of a subject or of a context.

    :param type: e.g. ``Nip``, as KSeF names it.
    """

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"

    @classmethod
    def parse(cls, text: str) -> Identity:
        """Read what ``str`` wrote."""
        kind, _, value = text.partition(":")
        return cls(kind, value)

    @property
    def is_well_formed(self) -> bool:
        """Whether the value looks as its type wants it."""
        return _PATTERNS[self.type].fullmatch(self.value) is not None

    @property
    def has_right_checksum(self) -> bool:
        """Whether the last digit of an InternalId is the one that its others ask for."""
        digits = [int(digit) for digit in self.value.replace("-", "")]
        return sum(digit * (1, 3)[place % 2] for place, digit in enumerate(digits[:14])) % 10 == digits[14]

    @property
    def nip(self) -> str | None:
        """The NIP that a context belongs to; a Peppol provider's has none."""
        return None if self.type == "PeppolId" else self.value[:10]

    def to_json(self) -> dict[str, str]:
        return {"type": self.type, "value": self.value}
