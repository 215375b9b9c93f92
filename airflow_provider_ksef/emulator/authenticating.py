"""Looking at the token before the body: FastAPI reads the body first."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from airflow_provider_ksef.emulator.access import Bearer
from airflow_provider_ksef.emulator.errors import Problem


async def refusal_of_token(request: Request) -> Problem | None:
    """Say why a request whose body cannot be read is refused for its token, where its endpoint wants one."""
    route = request.scope.get("route")
    if isinstance(route, APIRoute):
        for bearer in _bearers(route.dependant):
            try:
                await bearer.check(request)
            except Problem as problem:
                return problem
    return None


def _bearers(dependant: Dependant) -> Iterator[Bearer]:
    if isinstance(dependant.call, Bearer):
        yield dependant.call
    for each in dependant.dependencies:
        yield from _bearers(each)
