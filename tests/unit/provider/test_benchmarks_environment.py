"""The environment that benchmarks run in has all that this package needs beside Airflow."""

from __future__ import annotations

import tomllib

from benchmarks.environment import _PACKAGES
from tests.official import CHECKOUT


def test_nothing_that_the_package_needs_is_missing() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    needed = {name for name in project["dependencies"] if not name.startswith("apache-airflow")}
    assert needed <= set(_PACKAGES)
