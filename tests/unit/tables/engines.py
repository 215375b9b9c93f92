"""The libraries that can inflate: what holds with one must hold with the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_ksef.tables import inflating

ENGINES = [
    pytest.param(inflating.ZLIB, id="zlib"),
    pytest.param(
        inflating.engine,
        id="isal",
        marks=pytest.mark.skipif(inflating.engine is inflating.ZLIB, reason="isal is not installed"),
    ),
]
on_both: Callable[..., object] = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> inflating.Engine:
    chosen: inflating.Engine = request.param
    monkeypatch.setattr(inflating, "engine", chosen)
    return chosen
