"""How often a caller may ask, and KSeF's way to change that for tests."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic.alias_generators import to_camel

from airflow_provider_ksef.emulator.access import AnyCaller, Here
from airflow_provider_ksef.emulator.errors import Invalid
from airflow_provider_ksef.emulator.rate_limit_groups import PRODUCTION, WINDOWS, Limits
from airflow_provider_ksef.emulator.wire import WireModel, WireResponse

router = APIRouter(tags=["Limity i ograniczenia"])

_MOST_TIMES_PRODUCTION = 10


class WindowLimits(WireModel):
    """Requests per second, minute and hour."""

    per_second: int
    per_minute: int
    per_hour: int


class GroupLimits(WireModel):
    """The limits of each group of endpoints."""

    online_session: WindowLimits
    batch_session: WindowLimits
    invoice_send: WindowLimits
    invoice_status: WindowLimits
    session_list: WindowLimits
    session_invoice_list: WindowLimits
    session_misc: WindowLimits
    invoice_metadata: WindowLimits
    invoice_export: WindowLimits
    invoice_export_status: WindowLimits
    invoice_download: WindowLimits
    collective_identifier: WindowLimits
    other: WindowLimits


class SetRateLimits(WireModel):
    """Rate limits for the current context."""

    rate_limits: GroupLimits


@router.get("/rate-limits", summary="Pobranie aktualnie obowiązujących limitów API")
def get_rate_limits(caller: AnyCaller, emulator: Here) -> WireResponse:
    """Requests per second, minute and hour; -1 means no limit."""
    return WireResponse(emulator.rate_limits.to_json(caller.context))


@router.post("/testdata/rate-limits", summary="Zmiana limitów API dla bieżącego kontekstu")
def set_rate_limits(body: SetRateLimits, caller: AnyCaller, emulator: Here) -> Response:
    """Give the context limits of its own, up to ten times those of production."""
    limits: dict[str, Limits] = {
        to_camel(name): (given.per_second, given.per_minute, given.per_hour)
        for name, given in body.rate_limits
    }
    wrong = [sentence for group, given in limits.items() for sentence in _wrong(group, given)]
    if wrong:
        raise Invalid(*wrong)
    closing = {f"{kind}Close": limits[kind] for kind in ("onlineSession", "batchSession")}
    emulator.rate_limits.own.give(caller.context, {**limits, **closing})
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


def _wrong(group: str, limits: Limits) -> list[str]:
    highest = (_MOST_TIMES_PRODUCTION * limit for limit in PRODUCTION[group])
    return [
        f"'rateLimits.{group}.{name}' must be between 1 and {most}. You entered {given}."
        for (name, _, _), given, most in zip(WINDOWS, limits, highest, strict=True)
        if not 1 <= given <= most
    ]
