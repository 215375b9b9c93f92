"""Giving permissions and taking them away, and waiting for it (KSeF docs: uprawnienia)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from airflow_provider_ksef.client.answers import StatusInfo, json_parser
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.permission_contexts import GrantRequest
from airflow_provider_ksef.client.remedies import operation_remedy
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.waiting import wait_until
from airflow_provider_ksef.exceptions import KsefInputError, KsefOperationError

PATIENCE = 300.0
"""Seconds within which KSeF has to carry out a grant or a revocation."""
_IN_PROGRESS, _DONE = 100, 200
_PERMISSION_ID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


@dataclass(frozen=True)
class OperationStatus:
    """
    How far a grant or a revocation has come.

    :param reference_number: of the operation.
    :param code: KSeF's, 100 in progress, 200 done, others failed.
    :param description: KSeF's text for the code.
    :param details: KSeF's sub-causes.
    """

    reference_number: str
    code: int
    description: str
    details: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether KSeF has finished with it."""
        return self.code != _IN_PROGRESS


class _Begun(msgspec.Struct, rename="camel"):
    reference_number: str


class _Status(msgspec.Struct):
    status: StatusInfo


def grant(request: GrantRequest, context: ContextIdentifier) -> Call[str]:
    """
    Give permissions (``POST /permissions/.../grants``, by the request).

    KSeF carries it out afterwards, see :func:`wait_for_operation`. It is not repeated where its outcome is
    unknown: search for the permissions before you ask again.

    :param request: one of those in ``permission_grants`` and ``permission_grants_below``.
    :param context: of the connection, ``client.settings.context``.
    :returns: the operation's reference number.
    :raises KsefInputError: where the context cannot give this, with the rule.
    :raises KsefApiError: HTTP 403 where the login may not.
    """
    request.check_context(context)
    return Call("POST", request.path, _parse_begun, body=request.to_json())


def revoke_common(permission_id: str) -> Call[str]:
    """
    Take a permission away (``DELETE /permissions/common/grants/{permissionId}``), but an authorization.

    :param permission_id: as a search tells it.
    :returns: the operation's reference number.
    :raises KsefInputError: where it is no permission's id.
    :raises KsefApiError: HTTP 403 where the login may not.
    """
    return Call("DELETE", f"/permissions/common/grants/{_checked(permission_id)}", _parse_begun)


def revoke_authorization(permission_id: str) -> Call[str]:
    """
    Take an authorization away (``DELETE /permissions/authorizations/grants/{permissionId}``).

    :param permission_id: as the search for authorizations tells it.
    :returns: the operation's reference number.
    :raises KsefInputError: where it is no permission's id.
    :raises KsefApiError: HTTP 403 where the login may not.
    """
    return Call("DELETE", f"/permissions/authorizations/grants/{_checked(permission_id)}", _parse_begun)


def get_operation_status(reference_number: str) -> Call[OperationStatus]:
    """
    Read how far an operation has come (``GET /permissions/operations/{referenceNumber}``).

    :param reference_number: of the operation.
    :raises KsefInputError: where it is no reference number.
    :raises KsefApiError: HTTP 410 after 30 days.
    """

    def build(answer: _Status) -> OperationStatus:
        status = answer.status
        details = tuple(status.details or ())
        return OperationStatus(reference_number, status.code, status.description, details)

    path = f"/permissions/operations/{check_reference_number(reference_number)}"
    return Call("GET", path, json_parser(_Status, build), is_safe=True)


def wait_for_operation(reference_number: str, patience: float = PATIENCE) -> Flow[None]:
    """
    Wait until KSeF has given or taken away what was asked for.

    :param reference_number: of the operation.
    :param patience: seconds after which to give up.
    :raises KsefOperationError: where KSeF did not, with the meaning of its code.
    :raises KsefTimeoutError: where KSeF takes longer.
    """
    what, call = f"Operation {reference_number}", get_operation_status(reference_number)
    status = yield from wait_until(what, call, lambda each: each.is_final, patience=patience)
    check_operation(status)


def check_operation(status: OperationStatus) -> None:
    """
    Make sure that an operation has not failed.

    :param status: of the operation.
    :raises KsefOperationError: where it has, with the meaning of KSeF's code.
    """
    if status.is_final and status.code != _DONE:
        raise KsefOperationError(
            f"Operation {status.reference_number}",
            status.code,
            status.description,
            status.details,
            operation_remedy(status.code),
        )


def _checked(permission_id: str) -> str:
    if not _PERMISSION_ID.fullmatch(permission_id):
        raise KsefInputError(
            "permission_id",
            permission_id,
            "is not the id of a permission",
            "Give it as KSeF's searches tell it, such as 0c9a72e8-f344-457f-9c16-7c640eb60242.",
        )
    return permission_id


_parse_begun = json_parser(_Begun, lambda begun: begun.reference_number)
