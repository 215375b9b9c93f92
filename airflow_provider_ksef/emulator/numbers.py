"""KSeF numbers and reference numbers with their check digits."""

from __future__ import annotations

import re
import secrets
from datetime import date

KSEF_NUMBER = re.compile(r"[1-9]\d{9}-20\d{6}-[0-9A-F]{6}-?[0-9A-F]{6}-[0-9A-F]{2}", re.ASCII)

_POLYNOMIAL = 0x07


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value << 1) ^ (_POLYNOMIAL if value & 0x80 else 0)  # noqa: PLW2901  a shift register
        table.append(value & 0xFF)
    return tuple(table)


_CRC_TABLE = _table()


def crc8(text: str) -> str:
    """Two hex digits of CRC-8 (polynomial 0x07, from 0, not reflected)."""
    value = 0
    for byte in text.encode("ascii"):
        value = _CRC_TABLE[value ^ byte]
    return f"{value:02X}"


def make_ksef_number(seller_nip: str, day: date, technical: str) -> str:
    """
    Compose a KSeF number.

    :param technical: 12 upper-case hex digits that no other invoice of that seller and day has.
    """
    head = f"{seller_nip}-{day:%Y%m%d}-{technical}"
    return f"{head}-{crc8(head)}"


def draw_technical_part() -> str:
    """Twelve random hex digits."""
    return secrets.token_hex(6).upper()


def make_reference_number(kind: str, day: date) -> str:
    """
    Make a new reference number.

    :param kind: two letters, e.g. ``SB`` for a batch session.
    """
    drawn = secrets.token_hex(10).upper()
    head = f"{day:%Y%m%d}-{kind}-{drawn[:10]}-{drawn[10:]}"
    return f"{head}-{crc8(head)}"


def make_collective_identifier(seller_nip: str, day: date) -> str:
    """Make a new collective identifier of one seller's invoices."""
    head = f"{seller_nip}-IZ{day:%Y%m}-{draw_technical_part()}"
    return f"{head}-{crc8(head)}"


def normalize_ksef_number(number: str) -> str:
    """Take the hyphen out of the older form with 36 characters."""
    return number[:26] + number[27:] if len(number) == 36 else number
