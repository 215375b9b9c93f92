"""Numbers with check digits: NIP, internal identifier, bank account."""

from __future__ import annotations

_NIP_WEIGHTS = (6, 5, 7, 2, 3, 4, 5, 6, 7)


def nip_from(start: int) -> str:
    """The first valid NIP whose first nine digits are not below ``start`` (nine digits, no zero in front)."""
    while True:
        digits = str(start)
        check = sum(int(digit) * weight for digit, weight in zip(digits, _NIP_WEIGHTS, strict=True)) % 11
        if digits[1:3] == "00":
            start = (start // 1_000_000 + 1) * 1_000_000
        elif check < 10:
            return f"{digits}{check}"
        else:
            start += 1


def internal_id(nip: str, unit: int) -> str:
    """NIP, hyphen and five digits, of which the last is a check digit."""
    digits = f"{nip}{unit:04d}"
    check = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits)) % 10
    return f"{nip}-{unit:04d}{check}"


def bank_account(bank: int, number: int) -> str:
    """A Polish account number of 26 digits (NRB) with its two check digits in front."""
    body = f"{bank:08d}{number:016d}"
    return f"{98 - int(body + '252100') % 97:02d}{body}"
