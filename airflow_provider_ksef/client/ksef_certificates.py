"""Certificates that KSeF issued: limits, lists, contents and revocation (KSeF docs: certyfikaty-KSeF)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from airflow_provider_ksef.client.answers import json_parser, moment, nothing
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.identifiers import check_certificate_serial
from airflow_provider_ksef.client.input_checks import check_choice, moment_text
from airflow_provider_ksef.client.paging import OffsetPage, read_by_offset
from airflow_provider_ksef.client.subjects import Identifier
from airflow_provider_ksef.exceptions import KsefInputError

CERTIFICATE_TYPES = ("Authentication", "Offline")
CERTIFICATE_STATUSES = ("Active", "Blocked", "Revoked", "Expired")
REVOCATION_REASONS = ("Unspecified", "Superseded", "KeyCompromise")
_PAGE_SIZE = 50
_MOST_RETRIEVED = 10


@dataclass(frozen=True)
class Limit:
    """
    A limit and what is left of it.

    :param remaining: how many more.
    :param limit: how many in all.
    """

    remaining: int
    limit: int


@dataclass(frozen=True)
class CertificateLimits:
    """
    How many certificates who is logged in may still have.

    :param can_request: whether an application would be taken now.
    :param enrollment: applications.
    :param certificate: active certificates.
    """

    can_request: bool
    enrollment: Limit
    certificate: Limit


@dataclass(frozen=True)
class CertificateInfo:
    """
    What KSeF knows of a certificate.

    :param certificate_serial_number: 16 hexadecimal digits.
    :param name: that its owner gave it.
    :param type: ``Authentication`` to log in by, or ``Offline`` to sign invoices' links by.
    :param common_name: of the owner, from the certificate.
    :param status: ``Active``, ``Blocked``, ``Revoked`` or ``Expired``.
    :param subject_identifier: whom KSeF recognizes by it.
    :param valid_from: UTC.
    :param valid_to: UTC.
    :param request_date: when it was applied for, UTC.
    :param last_use_date: when it was last used, UTC; None where it never was.
    """

    certificate_serial_number: str
    name: str
    type: str
    common_name: str
    status: str
    subject_identifier: Identifier
    valid_from: datetime
    valid_to: datetime
    request_date: datetime
    last_use_date: datetime | None = None


@dataclass(frozen=True)
class RetrievedCertificate:
    """
    A certificate.

    :param certificate: X.509 in DER.
    :param certificate_name: that its owner gave it.
    :param certificate_serial_number: 16 hexadecimal digits.
    :param certificate_type: ``Authentication`` or ``Offline``.
    """

    certificate: bytes = field(repr=False)
    certificate_name: str
    certificate_serial_number: str
    certificate_type: str

    @property
    def pem(self) -> str:
        """The certificate as PEM, as the connection's field ``certificate`` wants it."""
        return x509.load_der_x509_certificate(self.certificate).public_bytes(Encoding.PEM).decode("ascii")


class _Limits(msgspec.Struct, rename="camel"):
    can_request: bool
    enrollment: Limit
    certificate: Limit


class _Info(msgspec.Struct, rename="camel"):
    certificate_serial_number: str
    name: str
    type: str
    common_name: str
    status: str
    subject_identifier: Identifier
    valid_from: str
    valid_to: str
    request_date: str
    last_use_date: str | None = None


class _InfoPage(msgspec.Struct, rename="camel"):
    certificates: list[_Info]
    has_more: bool


class _Certificate(msgspec.Struct, rename="camel"):
    certificate: str
    certificate_name: str
    certificate_serial_number: str
    certificate_type: str


class _Certificates(msgspec.Struct):
    certificates: list[_Certificate]


def limits() -> Call[CertificateLimits]:
    """Read how many certificates who is logged in may still have (``GET /certificates/limits``)."""
    return Call("GET", "/certificates/limits", _parse_limits, is_safe=True)


def query(
    *,
    certificate_serial_number: str | None = None,
    name: str | None = None,
    type: str | None = None,  # noqa: A002  KSeF's name
    status: str | None = None,
    expires_after: datetime | None = None,
) -> Flow[list[CertificateInfo]]:
    """
    List the certificates of who is logged in, in whatever context (``POST /certificates/query``), all pages.

    The one that was applied for last comes first. All conditions must hold.

    :param certificate_serial_number: exact.
    :param name: a part of the name.
    :param type: ``Authentication`` or ``Offline``.
    :param status: ``Active``, ``Blocked``, ``Revoked`` or ``Expired``.
    :param expires_after: with a time zone; those that are valid longer.
    :raises KsefInputError: where a value is unknown to KSeF.
    """
    conditions: dict[str, Any] = {}
    if certificate_serial_number is not None:
        conditions["certificateSerialNumber"] = check_certificate_serial(certificate_serial_number)
    if name is not None:
        conditions["name"] = name
    if type is not None:
        conditions["type"] = check_choice("type", type, CERTIFICATE_TYPES)
    if status is not None:
        conditions["status"] = check_choice("status", status, CERTIFICATE_STATUSES)
    if expires_after is not None:
        conditions["expiresAfter"] = moment_text("expires_after", expires_after)
    return read_by_offset(
        lambda index: Call(
            "POST",
            "/certificates/query",
            _parse_page,
            body=conditions,
            params={"pageOffset": index, "pageSize": _PAGE_SIZE},
            is_safe=True,
        )
    )


def retrieve(certificate_serial_numbers: Sequence[str]) -> Flow[list[RetrievedCertificate]]:
    """
    Read certificates (``POST /certificates/retrieve``), ten with each call.

    :param certificate_serial_numbers: of those that who is logged in owns; KSeF leaves others out.
    :raises KsefInputError: where there is none, or one is no serial number.
    """
    if isinstance(certificate_serial_numbers, str) or not certificate_serial_numbers:
        raise KsefInputError(
            "certificate_serial_numbers",
            certificate_serial_numbers,
            "is no list of one or more",
            "Give a list of serial numbers.",
        )
    serials = [
        check_certificate_serial(each, "certificate_serial_numbers") for each in certificate_serial_numbers
    ]
    return _retrieve(serials)


def revoke(certificate_serial_number: str, revocation_reason: str = "Unspecified") -> Call[None]:
    """
    Let a certificate be good for nothing any more (``POST /certificates/{serial}/revoke``).

    :param certificate_serial_number: of one that who is logged in owns.
    :param revocation_reason: ``Unspecified``, ``Superseded`` or ``KeyCompromise``.
    :raises KsefInputError: where it is no serial number, or the reason is unknown.
    :raises KsefApiError: 25008 where there is none, 25009 where it is not active, 403 after a login by token.
    """
    serial = check_certificate_serial(certificate_serial_number)
    reason = check_choice("revocation_reason", revocation_reason, REVOCATION_REASONS)
    return Call("POST", f"/certificates/{serial}/revoke", nothing, body={"revocationReason": reason})


def _retrieve(serials: Sequence[str]) -> Flow[list[RetrievedCertificate]]:
    found: list[RetrievedCertificate] = []
    for start in range(0, len(serials), _MOST_RETRIEVED):
        body = {"certificateSerialNumbers": serials[start : start + _MOST_RETRIEVED]}
        found += yield from Call(
            "POST", "/certificates/retrieve", _parse_certificates, body=body, is_safe=True
        )
    return found


def _info(answer: _Info) -> CertificateInfo:
    return CertificateInfo(
        certificate_serial_number=answer.certificate_serial_number,
        name=answer.name,
        type=answer.type,
        common_name=answer.common_name,
        status=answer.status,
        subject_identifier=answer.subject_identifier,
        valid_from=moment(answer.valid_from),
        valid_to=moment(answer.valid_to),
        request_date=moment(answer.request_date),
        last_use_date=None if answer.last_use_date is None else moment(answer.last_use_date),
    )


def _page(answer: _InfoPage) -> OffsetPage[CertificateInfo]:
    return OffsetPage(list(map(_info, answer.certificates)), answer.has_more)


def _certificates(answer: _Certificates) -> list[RetrievedCertificate]:
    return [
        RetrievedCertificate(
            certificate=base64.b64decode(each.certificate, validate=True),
            certificate_name=each.certificate_name,
            certificate_serial_number=each.certificate_serial_number,
            certificate_type=each.certificate_type,
        )
        for each in answer.certificates
    ]


_parse_limits = json_parser(
    _Limits, lambda told: CertificateLimits(told.can_request, told.enrollment, told.certificate)
)
_parse_page = json_parser(_InfoPage, _page)
_parse_certificates = json_parser(_Certificates, _certificates)
