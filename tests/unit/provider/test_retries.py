"""Which failures are worth another try, and who decides how many."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import DAG, RetryAction

from airflow_provider_ksef.exceptions import (
    Fault,
    KsefApiError,
    KsefInputError,
    KsefLoginError,
    KsefRateLimitError,
    KsefTransportError,
    KsefUnavailableError,
)
from airflow_provider_ksef.operators.retries import KsefRetryPolicy
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
    ],
)
def test_only_what_can_change_is_tried_again(error: Exception, action: RetryAction) -> None:
    assert KsefRetryPolicy().evaluate(error, 1, 3).action == action


@pytest.mark.parametrize(("kind", "status"), [(KsefRateLimitError, 429), (KsefUnavailableError, 503)])
def test_a_wait_that_ksef_asks_for_is_kept(kind: type[KsefApiError], status: int) -> None:
    error = kind(Fault("POST", "/invoices/exports", status, retry_after=1800.0))
    decision = KsefRetryPolicy().evaluate(error, 1, 3)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(minutes=30))


def test_mapped_tasks_have_the_same_defaults() -> None:
    with DAG("d", schedule=None) as dag:
        KsefSessionSensor.partial(task_id="wait").expand(session_reference_number=["x", "y"])
    mapped = dag.get_task("wait")
    assert mapped.partial_kwargs["retries"] == 3
    assert isinstance(mapped.partial_kwargs["retry_policy"], KsefRetryPolicy)
