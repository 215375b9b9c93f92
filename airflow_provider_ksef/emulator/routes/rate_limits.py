"""How often a caller may ask, and KSeF's way to change that for tests."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import ValidationError, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from airflow_provider_ksef.emulator.access import AnyCaller, Here
from airflow_provider_ksef.emulator.rate_limit_groups import PRODUCTION, WINDOWS, Limits
from airflow_provider_ksef.emulator.wire import WireModel, WireResponse

router = APIRouter(tags=["Limity i ograniczenia"])

ENFORCED = "x-emulator-rate-limits-enforced"
"""What KSeF does not need to say: whether anybody is refused by the limits that are told."""
_MOST_TIMES_PRODUCTION = 10


class WindowLimits(WireModel):
    """Requests per second, minute and hour."""

    per_second: int
    per_minute: int
    per_hour: int


class GroupLimits(WireModel):
    """The limits of each group of endpoints. Clients of earlier versions do not know two of the groups."""

    online_session: WindowLimits
    batch_session: WindowLimits
    invoice_send: WindowLimits
    invoice_status: WindowLimits
    session_list: WindowLimits
    session_invoice_list: WindowLimits
    session_misc: WindowLimits
    invoice_metadata: WindowLimits
    invoice_export: WindowLimits
    invoice_export_status: WindowLimits | None = None
    invoice_download: WindowLimits
    collective_identifier: WindowLimits | None = None
    other: WindowLimits

    @field_validator("*")
    @classmethod
    def _is_not_too_high(cls, given: WindowLimits | None, place: ValidationInfo) -> WindowLimits | None:
        assert place.field_name is not None  # noqa: S101  each field has a name
        wrong = [] if given is None else _wrong(to_camel(place.field_name), _limits(given))
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return given


class SetRateLimits(WireModel):
    """Rate limits for the current context."""

    rate_limits: GroupLimits


@router.get("/rate-limits", summary="Pobranie aktualnie obowiązujących limitów API")
def get_rate_limits(caller: AnyCaller, emulator: Here) -> WireResponse:
    """Requests per second, minute and hour; -1 means no limit."""
    enforced = "true" if emulator.rate_limits.are_enforced(caller.context) else "false"
    limits = emulator.rate_limits.to_json(caller.context)
    return WireResponse(limits, headers={ENFORCED: enforced})


@router.post("/testdata/rate-limits", summary="Zmiana limitów API dla bieżącego kontekstu")
def set_rate_limits(body: SetRateLimits, caller: AnyCaller, emulator: Here) -> Response:
    """Give the context limits of its own, up to ten times those of production."""
    limits = {to_camel(name): _limits(given) for name, given in body.rate_limits if given is not None}
    closing = {f"{kind}Close": limits[kind] for kind in ("onlineSession", "batchSession")}
    own = emulator.rate_limits.own
    own.give(caller.context, {**(own.get(caller.context) or {}), **limits, **closing})
    return Response()


@router.delete(
    "/testdata/rate-limits", summary="Przywrócenie domyślnych wartości limitów API dla bieżącego kontekstu"
)
def restore_rate_limits(caller: AnyCaller, emulator: Here) -> Response:
    """Take the context's own limits away."""
    emulator.rate_limits.own.take_away(caller.context)
    return Response()


@router.post(
    "/testdata/rate-limits/production",
    summary="Zmiana limitów API dla bieżącego kontekstu na wartości produkcyjne",
)
def set_production_rate_limits(caller: AnyCaller, emulator: Here) -> Response:
    """Give the context the limits of production."""
    emulator.rate_limits.own.give(caller.context, PRODUCTION)
    return Response()


def _limits(given: WindowLimits) -> Limits:
    return given.per_second, given.per_minute, given.per_hour


def _wrong(group: str, limits: Limits) -> list[InitErrorDetails]:
    highest = (_MOST_TIMES_PRODUCTION * limit for limit in PRODUCTION[group])
    return [
        InitErrorDetails(type=_out_of_range(given, most), loc=(name,), input=given)
        for (name, _, _), given, most in zip(WINDOWS, limits, highest, strict=True)
        if not 1 <= given <= most
    ]


def _out_of_range(given: int, most: int) -> PydanticCustomError:
    sentence = "must be between 1 and {most}. You entered {given}."
    return PydanticCustomError("out_of_range", sentence, {"most": most, "given": given})
