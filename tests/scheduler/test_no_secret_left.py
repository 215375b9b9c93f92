"""After all the other tests: no secret in Airflow's database, its logs, or what its components printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator_process import TOKEN
from tests.scheduler.whole_airflow import WholeAirflow
from tests.system.secret_search import KSEF_JWT, assert_none, assert_none_below, keys_of, spellings

pytestmark = pytest.mark.system


def test_no_secret_is_left(airflow: WholeAirflow, states: list[Path]) -> None:
    keys = [key for state in states for key in keys_of(state) if key]
    secrets = airflow.secrets.union(*map(spellings, keys))
    assert KSEF_JWT in secrets
    dump = airflow.postgres.dump()
    (runs,) = airflow.rows("SELECT count(*) FROM task_instance WHERE state = 'success'")
    assert runs[0], "no task has run: the test proves nothing"
    assert len(keys) > len(states), "too few keys were sent: the test proves nothing"
    assert b"COPY" not in dump, "values are not spelled as they are"
    assert_none(secrets, "Airflow's database", dump)
    assert_none_below(secrets, airflow.home)

    careless = {"key": "careless", "value": "plain", "description": TOKEN}
    airflow.call("POST", "/variables", careless)
    with pytest.raises(AssertionError, match="a secret stands in it"):
        assert_none(secrets, "it", airflow.postgres.dump())
