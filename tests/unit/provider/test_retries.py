"""Which failures are worth another try, and who decides how many."""

from __future__ import annotations

import importlib
import json
import pickle
import time
from datetime import timedelta

import pytest
from airflow.sdk import DAG, BaseOperator, RetryAction
from airflow.serialization.serialized_objects import DagSerialization

from airflow_provider_ksef.exceptions import (
    Fault,
    KsefApiError,
    KsefBudgetError,
    KsefExportError,
    KsefInputError,
    KsefLoginError,
    KsefOperationError,
    KsefRateLimitError,
    KsefSessionError,
    KsefTransportError,
    KsefUnavailableError,
)
from airflow_provider_ksef.get_provider_info import get_provider_info
from airflow_provider_ksef.operators.retries import RETRY_POLICY, KsefRetryPolicy
from airflow_provider_ksef.sensors.session import KsefSessionSensor
from tests.unit.client.fake_ksef import SESSION


def sensor(**arguments: object) -> KsefSessionSensor:
    return KsefSessionSensor(task_id="wait", session_reference_number=SESSION, **arguments)


def test_an_operator_retries_three_times_by_default() -> None:
    assert sensor().retries == 3
    assert isinstance(sensor().retry_policy, KsefRetryPolicy)


def test_the_dag_author_decides() -> None:
    assert sensor(retries=7).retries == 7
    assert sensor(retry_policy=None).retry_policy is None
    with DAG("d", schedule=None, default_args={"retries": 0}):
        assert sensor().retries == 0


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (KsefInputError("invoices", "x", "no file matches", "Give one."), RetryAction.FAIL),
        (KsefLoginError("Login", 450, "błędny token", ("Token unieważniony",)), RetryAction.FAIL),
        (KsefLoginError("Login", 550, "przerwana"), RetryAction.DEFAULT),
        (KsefTransportError("cut"), RetryAction.DEFAULT),
        (ValueError("x"), RetryAction.DEFAULT),
        (KsefUnavailableError(Fault("GET", "/sessions", 503)), RetryAction.DEFAULT),
        (KsefSessionError("Session x", 550, "Operacja przerwana"), RetryAction.DEFAULT),
        (KsefOperationError("Operation x", 430, "Kontekst identyfikatora"), RetryAction.FAIL),
        (KsefOperationError("Operation x", 550, "Operacja przerwana"), RetryAction.DEFAULT),
        (KsefExportError("Export x", 550, "Operacja przerwana"), RetryAction.DEFAULT),
        (KsefApiError(Fault("POST", "/invoices/exports", 400, code=21405)), RetryAction.FAIL),
        (KsefApiError(Fault("POST", "/invoices/exports", 400, code=21182)), RetryAction.DEFAULT),
        (KsefApiError(Fault("GET", "/x", 403, reason_code="missing-permissions")), RetryAction.FAIL),
        (KsefApiError(Fault("GET", "/storage/x", 403)), RetryAction.DEFAULT),
    ],
)
def test_only_what_can_change_is_tried_again(error: Exception, action: RetryAction) -> None:
    assert KsefRetryPolicy().evaluate(error, 1, 3).action == action


@pytest.mark.parametrize(("kind", "status"), [(KsefRateLimitError, 429), (KsefUnavailableError, 503)])
def test_a_wait_that_ksef_asks_for_is_kept(kind: type[KsefApiError], status: int) -> None:
    error = kind(Fault("POST", "/invoices/exports", status, retry_after=1800.0))
    decision = KsefRetryPolicy().evaluate(error, 1, 3)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(minutes=30))


def test_the_end_of_a_budget_is_waited_for() -> None:
    error = KsefBudgetError("invoiceExport", 900.0, time.time() + 900, "20 of 20 are used")
    delay = KsefRetryPolicy().evaluate(error, 1, 3).retry_delay
    assert timedelta(seconds=890) < delay <= timedelta(seconds=900)
    assert pickle.loads(pickle.dumps(error)).until == error.until


def operator_classes() -> set[type[BaseOperator]]:
    info = get_provider_info()
    modules = [each["python-module"] for each in info["transfers"]]
    modules += [
        name for kind in ("operators", "sensors") for each in info[kind] for name in each["python-modules"]
    ]
    found = (each for name in modules for each in vars(importlib.import_module(name)).values())
    own = [each for each in found if isinstance(each, type) and issubclass(each, BaseOperator)]
    return {each for each in own if each.__module__.startswith("airflow_provider_ksef")}


@pytest.mark.filterwarnings("ignore:.*never mapped")
def test_each_operator_and_sensor_has_the_policy() -> None:
    without = {
        each.__name__
        for each in operator_classes()
        if each.partial(task_id="x").kwargs.get("retry_policy") is not RETRY_POLICY
    }
    assert without == set()


def test_a_dag_with_the_policy_is_serialized() -> None:
    with DAG("d", schedule=None) as dag:
        sensor()
    assert json.loads(json.dumps(DagSerialization.to_dict(dag)))["dag"]["tasks"]


def test_mapped_tasks_have_the_same_defaults() -> None:
    with DAG("d", schedule=None) as dag:
        KsefSessionSensor.partial(task_id="wait").expand(session_reference_number=["x", "y"])
    mapped = dag.get_task("wait")
    assert mapped.partial_kwargs["retries"] == 3
    assert isinstance(mapped.partial_kwargs["retry_policy"], KsefRetryPolicy)
