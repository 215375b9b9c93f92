"""What a certificate request must say: the names in the certificate that the applicant logged in by."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID

_ATTRIBUTES = {
    NameOID.COMMON_NAME: "commonName",
    NameOID.COUNTRY_NAME: "countryName",
    NameOID.GIVEN_NAME: "givenName",
    NameOID.SURNAME: "surname",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.X500_UNIQUE_IDENTIFIER: "uniqueIdentifier",
    NameOID.ORGANIZATION_NAME: "organizationName",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
}
_REQUIRED = ("commonName", "countryName")


def enrollment_data(subject: x509.Name) -> dict[str, str] | None:
    """
    Give the data that a request must have, by KSeF's names; nothing where the certificate lacks common name
    or country.

    Several given names are one value, as the contract knows no list.

    :param subject: of the certificate.
    """
    told = {name: values for oid, name in _ATTRIBUTES.items() if (values := _values(subject, oid))}
    return told if all(name in told for name in _REQUIRED) else None


def differs(request: x509.Name, data: dict[str, str]) -> list[str]:
    """Name the attributes in which a request differs from the data; the order does not matter."""
    given = {_ATTRIBUTES.get(each.oid, each.oid.dotted_string): each.oid for each in request}
    names = {**dict.fromkeys(data), **dict.fromkeys(given)}
    return [name for name in names if name not in given or _values(request, given[name]) != data.get(name)]


def _values(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = [each.value for each in name.get_attributes_for_oid(oid)]
    return " ".join(value for value in found if isinstance(value, str))
