"""Ordering faults."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field, field_validator, model_validator

from airflow_provider_ksef.emulator.access import Here
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.faults import Fault, encode_body
from airflow_provider_ksef.emulator.wire import ControlModel, WireResponse
from airflow_provider_ksef.emulator.work_faults import CODES, WorkFault, WorkFaultKind

router = APIRouter(prefix="/_emulator/faults", tags=["Emulator"])

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
HeaderValue = Annotated[str, Field(pattern=r"^[\x20-\x7e]*$")]
_MOST_TIMES = 1_000_000
_MOST_SECONDS = 86_400
_OF_WORK = {"kind", "times", "code", "detail"}
_WITHOUT_BODY = (204, 205, 304)


class FaultBody(ControlModel):
    """A fault to order: of the work behind the answers where ``kind`` is given, else of requests."""

    kind: WorkFaultKind | None = None
    code: int | None = None
    detail: str | None = Field(default=None, max_length=500)
    method: str | None = None
    path: str = ".*"
    times: int = Field(default=1, ge=1, le=_MOST_TIMES)
    status: int | None = Field(default=None, ge=200, le=599)
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    body: Any = None
    delay: float = Field(default=0, ge=0, le=_MOST_SECONDS)
    drop: Literal["before", "after"] | None = None

    @field_validator("path")
    @classmethod
    def _is_expression(cls, path: str) -> str:
        try:
            re.compile(path)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return path

    @model_validator(mode="after")
    def _is_of_one_sort(self) -> FaultBody:
        if self.kind is None:
            if self.code is not None or self.detail is not None:
                raise ValueError("'code' and 'detail' belong to a 'kind'; an answer has 'status' and 'body'")
            if self.body is not None and self.status in _WITHOUT_BODY:
                raise ValueError(f"an answer with 'status' {self.status} has no body")
            return self
        foreign = sorted(self.model_fields_set - _OF_WORK)
        if foreign:
            raise ValueError(f"a fault with a 'kind' has no {', '.join(foreign)}")
        codes = CODES.get(self.kind)
        if codes and self.code not in codes:
            raise ValueError(f"'code' of {self.kind} must be one of {', '.join(map(str, codes))}")
        if not codes and self.code is not None:
            raise ValueError(f"{self.kind} has no 'code'")
        if self.detail is not None and self.kind is not WorkFaultKind.LOGIN_STATUS:
            raise ValueError(f"{self.kind} has no 'detail'")
        return self


@router.post("")
def order_fault(body: FaultBody, emulator: Here) -> WireResponse:
    """Let the next requests, exports, sessions, invoices, logins or enrollments go wrong."""
    if body.kind is not None:
        emulator.work_faults.add(WorkFault(body.kind, body.times, body.code, body.detail))
    else:
        emulator.faults.add(_request_fault(body))
    return WireResponse(_left(emulator))


@router.get("")
def list_faults(emulator: Here) -> WireResponse:
    """The faults that have times left."""
    return WireResponse(_left(emulator))


@router.delete("")
def forget_faults(emulator: Here) -> Response:
    """Let nothing go wrong any more."""
    emulator.faults.clear()
    emulator.work_faults.clear()
    return Response(status_code=204)


def _request_fault(body: FaultBody) -> Fault:
    headers = dict(body.headers)
    return Fault(
        method=body.method.upper() if body.method else None,
        path=re.compile(body.path),
        times=body.times,
        status=body.status,
        headers=headers,
        body=encode_body(body.body, headers),
        delay=body.delay,
        drop=body.drop,
    )


def _left(emulator: Emulator) -> dict[str, object]:
    return {"faults": [*emulator.faults.to_json(), *emulator.work_faults.to_json()]}
