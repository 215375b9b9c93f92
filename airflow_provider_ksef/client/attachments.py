"""Whether a company may send invoices with attachments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from airflow_provider_ksef.client.answers import json_parser, moment
from airflow_provider_ksef.client.calls import Call


@dataclass(frozen=True)
class AttachmentStatus:
    """
    The consent to attachments.

    :param is_attachment_allowed: whether attachments are taken now.
    :param revoked_date: when that ends or has ended, UTC; None where no end is known.
    """

    is_attachment_allowed: bool
    revoked_date: datetime | None


class _Status(msgspec.Struct, rename="camel"):
    is_attachment_allowed: bool = False
    revoked_date: str | None = None


def get_status() -> Call[AttachmentStatus]:
    """
    Read whether the connection's context may send attachments (``GET /permissions/attachments/status``).

    :raises KsefApiError: 403 without ``CredentialsManage`` or ``CredentialsRead``.
    """
    return Call("GET", "/permissions/attachments/status", _parse, is_safe=True)


def _status(answer: _Status) -> AttachmentStatus:
    ends = None if answer.revoked_date is None else moment(answer.revoked_date)
    return AttachmentStatus(answer.is_attachment_allowed, ends)


_parse = json_parser(_Status, _status)
