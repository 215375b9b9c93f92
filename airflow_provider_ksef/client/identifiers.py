"""KSeF's identifiers: their forms and checksums."""

from __future__ import annotations

import re

from airflow_provider_ksef.exceptions import KsefInputError

_NIP = r"[1-9](?:\d[1-9]|[1-9]\d)\d{7}"
_NIP_PATTERN = re.compile(_NIP, re.ASCII)
_NIP_WEIGHTS = (6, 5, 7, 2, 3, 4, 5, 6, 7)
_PESEL_PATTERN = re.compile(r"\d{2}(?:[02468][1-9]|[13579][0-2])\d{7}", re.ASCII)
_PESEL_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
_FINGERPRINT_PATTERN = re.compile(r"[0-9A-F]{64}", re.ASCII)
_CERTIFICATE_SERIAL_PATTERN = re.compile(r"[0-9A-F]{16}", re.ASCII)
_INTERNAL_ID_PATTERN = re.compile(rf"{_NIP}-\d{{5}}", re.ASCII)
_VAT_UE = (
    r"(?:ATU\d{8}|BE[01]\d{9}|BG\d{9,10}|CY\d{8}[A-Z]|CZ\d{8,10}|DE\d{9}|DK\d{8}|EE\d{9}|EL\d{9}"
    r"|ES(?:[A-Z]\d{8}|\d{8}[A-Z]|[A-Z]\d{7}[A-Z])|FI\d{8}|FR[A-Z0-9]{2}\d{9}|HR\d{11}|HU\d{8}"
    r"|IE(?:\d{7}[A-Z]{2}|\d[A-Z0-9+*]\d{5}[A-Z])|IT\d{11}|LT(?:\d{9}|\d{12})|LU\d{8}|LV\d{11}|MT\d{8}"
    r"|NL[A-Z0-9+*]{12}|PT\d{9}|RO\d{2,10}|SE\d{12}|SI\d{8}|SK\d{10}|XI(?:\d{9}|\d{12}|(?:GD|HA)\d{3}))"
)
_VAT_UE_PATTERN = re.compile(_VAT_UE, re.ASCII)
_NIP_VAT_UE_PATTERN = re.compile(rf"({_NIP})-{_VAT_UE}", re.ASCII)
_PEPPOL_ID_PATTERN = re.compile(r"P[A-Z]{2}\d{6}", re.ASCII)
_KSEF_NUMBER_PATTERN = re.compile(
    rf"(?:{_NIP}|M\d{{9}}|[A-Z]{{3}}\d{{7}})-[2-9]\d{{3}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"-[0-9A-F]{6}(-?)[0-9A-F]{6}-[0-9A-F]{2}",
    re.ASCII,
)
_REFERENCE_PATTERN = re.compile(r"\d{8}-[A-Z]{2}-[0-9A-F]{10}-[0-9A-F]{10}-[0-9A-F]{2}", re.ASCII)
_COLLECTIVE_PATTERN = re.compile(rf"{_NIP}-IZ\d{{6}}-[0-9A-F]{{12}}-[0-9A-F]{{2}}", re.ASCII)


def _match(pattern: re.Pattern[str], value: object) -> re.Match[str] | None:
    """Hold a value against a form; one that is no text, such as a number from a YAML file, has none."""
    return pattern.fullmatch(value) if isinstance(value, str) else None


def crc8(text: str) -> int:
    """
    CRC-8 of ASCII text: polynomial 0x07, start 0, no reflection, no final XOR (KSeF docs: numer-ksef).

    :param text: the characters before the checksum, without the hyphen in front of it.
    """
    checksum = 0
    for byte in text.encode("ascii"):
        checksum ^= byte
        for _ in range(8):
            checksum = ((checksum << 1) ^ 0x07) & 0xFF if checksum & 0x80 else checksum << 1
    return checksum


def _ends_in_crc(value: str) -> bool:
    return value[-2:] == f"{crc8(value[:-3]):02X}"


def is_nip(value: str) -> bool:
    """Whether this is a Polish tax number with a right checksum, ten digits without separators."""
    if not _match(_NIP_PATTERN, value):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_NIP_WEIGHTS, value, strict=False))
    return total % 11 == int(value[9])


def is_pesel(value: str) -> bool:
    """Whether this is a Polish person's number with a right checksum, eleven digits."""
    if not _match(_PESEL_PATTERN, value):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_PESEL_WEIGHTS, value, strict=False))
    return (total + int(value[10])) % 10 == 0


def is_fingerprint(value: str) -> bool:
    """Whether this is a certificate's fingerprint: SHA-256 of its DER, 64 upper-case hexadecimal digits."""
    return _match(_FINGERPRINT_PATTERN, value) is not None


def is_certificate_serial(value: str) -> bool:
    """Whether this is a KSeF certificate's serial number: 16 hexadecimal digits in upper case."""
    return _match(_CERTIFICATE_SERIAL_PATTERN, value) is not None


def is_internal_id(value: str) -> bool:
    """Whether this is a NIP with a unit's number (``6824515772-12343``), both checksums right."""
    if not _match(_INTERNAL_ID_PATTERN, value) or not is_nip(value[:10]):
        return False
    return value[-1] == _last_digit(value)


def _last_digit(internal_id: str) -> str:
    """Give the checksum of an internal identifier's first fourteen digits (KSeF docs: identifiers)."""
    digits = [int(digit) for digit in internal_id.replace("-", "")[:14]]
    return str(sum(digit * (1, 3)[place % 2] for place, digit in enumerate(digits)) % 10)


def is_vat_ue(value: str) -> bool:
    """Whether this looks like a VAT number of another EU country, as in ``DE123456789``; EL is Greece."""
    return _match(_VAT_UE_PATTERN, value) is not None


def is_nip_vat_ue(value: str) -> bool:
    """Whether this is a NIP followed by a VAT number of another EU country, as in ``<NIP>-DE123456789``."""
    match = _match(_NIP_VAT_UE_PATTERN, value)
    return match is not None and is_nip(match.group(1))


def is_peppol_id(value: str) -> bool:
    """Whether this is a Peppol provider's identifier, such as ``PPL000001``."""
    return _match(_PEPPOL_ID_PATTERN, value) is not None


def is_ksef_number(value: str) -> bool:
    """Whether this is an invoice's KSeF number (35 characters, or 36 in the old form), checksum included."""
    match = _match(_KSEF_NUMBER_PATTERN, value)
    if match is None:
        return False
    if match.group(1):
        value = value[: match.start(1)] + value[match.end(1) :]
    return _ends_in_crc(value)


def is_reference_number(value: str) -> bool:
    """Whether this is a reference number of KSeF (``20260901-SB-1A2B3C7000-0F1E2D3C4E-78``)."""
    return _match(_REFERENCE_PATTERN, value) is not None and _ends_in_crc(value)


def is_collective_identifier(value: str) -> bool:
    """Whether this is a collective identifier (``1111111111-IZ202607-65ED02180000-E7``)."""
    return _match(_COLLECTIVE_PATTERN, value) is not None and _ends_in_crc(value)


def check_nip(value: str, field: str = "login") -> str:
    """
    Give the NIP back, or say what is wrong with it.

    :param value: ten digits.
    :param field: the parameter or connection field that it came from.
    :raises KsefInputError: where the form or the checksum is wrong.
    """
    if not _match(_NIP_PATTERN, value):
        raise KsefInputError(
            field, value, "is not a NIP", "Give the ten digits without spaces, hyphens or the prefix PL."
        )
    if not is_nip(value):
        raise KsefInputError(field, value, "has a wrong checksum", "Look for a mistyped digit in the NIP.")
    return value


def check_pesel(value: str, field: str = "pesel") -> str:
    """
    Give the PESEL back, or say what is wrong with it.

    :param value: eleven digits.
    :param field: the parameter that it came from.
    :raises KsefInputError: where the form or the checksum is wrong.
    """
    if not _match(_PESEL_PATTERN, value):
        raise KsefInputError(field, value, "is not a PESEL", "Give the eleven digits without spaces.")
    if not is_pesel(value):
        raise KsefInputError(field, value, "has a wrong checksum", "Look for a mistyped digit in the PESEL.")
    return value


def check_fingerprint(value: str, field: str = "fingerprint") -> str:
    """
    Give the certificate's fingerprint back, or say that it is none.

    :raises KsefInputError: where it is not 64 hexadecimal digits in upper case.
    """
    if not is_fingerprint(value):
        raise KsefInputError(
            field,
            value,
            "is not the fingerprint of a certificate",
            "Give the SHA-256 of the certificate in DER: 64 hexadecimal digits, upper case, no separators.",
        )
    return value


def check_internal_id(value: str, field: str = "internal_id") -> str:
    """
    Give the internal identifier back, or say that it is none.

    :raises KsefInputError: where the form or one of the two checksums is wrong.
    """
    if not is_internal_id(value):
        remedy = "Give the NIP, a hyphen and five digits as KSeF shows them, such as 6824515772-12343."
        if _match(_INTERNAL_ID_PATTERN, value) and is_nip(value[:10]):
            right = value[:-1] + _last_digit(value)
            remedy = f"Look for a mistyped digit. For a new part: the last digit is the checksum, so {right}."
        raise KsefInputError(
            field, value, "is not an internal identifier, or one of its checksums is wrong", remedy
        )
    return value


def check_certificate_serial(value: str, field: str = "certificate_serial_number") -> str:
    """
    Give the serial number of a KSeF certificate back, or say that it is none.

    :raises KsefInputError: where it is not 16 hexadecimal digits in upper case.
    """
    if not is_certificate_serial(value):
        raise KsefInputError(
            field,
            value,
            "is not the serial number of a KSeF certificate",
            "Give its 16 hexadecimal digits in upper case, such as 01F20A5D352AE590.",
        )
    return value


def check_collective_identifier(value: str, field: str = "collective_identifier_number") -> str:
    """
    Give the collective identifier back, or say that it is none.

    :raises KsefInputError: where the form or the checksum is wrong.
    """
    if not is_collective_identifier(value):
        raise KsefInputError(
            field,
            value,
            "is not a collective identifier, or its checksum is wrong",
            "Give it as KSeF wrote it, such as 1111111111-IZ202607-65ED02180000-E7.",
        )
    return value


def check_peppol_id(value: str, field: str = "peppol_id") -> str:
    """
    Give the Peppol provider's identifier back, or say that it is none.

    :raises KsefInputError: where it is not P, two letters and six digits.
    """
    if not is_peppol_id(value):
        raise KsefInputError(
            field, value, "is not a Peppol provider's identifier", "Give it as in PPL000001."
        )
    return value


def check_reference_number(value: str, field: str = "reference_number") -> str:
    """
    Give the reference number back, or say that it is none; its checksum is not documented, so not judged.

    :raises KsefInputError: where the form is wrong.
    """
    if not _match(_REFERENCE_PATTERN, value):
        raise KsefInputError(
            field,
            value,
            "is not a reference number of KSeF",
            "Give it as KSeF wrote it, such as 20260901-SB-1A2B3C7000-0F1E2D3C4E-78.",
        )
    return value


def check_ksef_number(value: str, field: str = "ksef_number") -> str:
    """
    Give the KSeF number back, or say that it is none.

    :raises KsefInputError: where the form or the checksum is wrong.
    """
    if not is_ksef_number(value):
        raise KsefInputError(
            field,
            value,
            "is not a KSeF number, or its checksum is wrong",
            "Give it as KSeF wrote it, such as 5250001210-20260901-0A1B2C000000-C6.",
        )
    return value
