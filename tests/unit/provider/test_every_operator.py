"""What holds for each operator and sensor that the package has."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, XComArg
from airflow.serialization.serialized_objects import DagSerialization

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.get_provider_info import get_provider_info
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.certificates import (
    KsefEnrollCertificateOperator,
    KsefRevokeCertificateOperator,
    KsefRotateCertificateOperator,
)
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.permission_sync import KsefSyncPermissionsOperator
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, KsefRetryPolicy
from airflow_provider_ksef.operators.secret_sinks import FileSink
from airflow_provider_ksef.operators.tokens import KsefRevokeTokenOperator
from airflow_provider_ksef.operators.upo import KsefDownloadUpoOperator
from airflow_provider_ksef.sensors.expiry import KsefCertificateExpirySensor, KsefTokenExpirySensor
from airflow_provider_ksef.sensors.invoice import KsefInvoiceSensor
from airflow_provider_ksef.sensors.session import KsefSessionSensor
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)

REFERENCE = "20260901-SB-1A2B3C7000-0F1E2D3C4E-78"
PERMISSION = {
    "kind": "person",
    "subject_identifier": {"type": "Pesel", "value": "30112206276"},
    "permissions": ["InvoiceRead"],
    "description": "reads invoices",
    "subject_details": {"first_name": "Anna", "last_name": "Abacka"},
}
KSEF_NUMBERS = ["5250001210-20260901-0A1B2C000000-C6", "5250001210-20260901-0A1B2C000001-C1"]
NEEDED = {
    "invoices": "/data/out",
    "tables_path": "/data/tables",
    "upo_path": "/data/upo",
    "session_reference_number": REFERENCE,
    "date_from": "2026-02-01T00:00:00Z",
    "date_to": "2026-03-01T00:00:00Z",
    "month": "2026-02",
    "before": "2020-01-01",
    "permission": PERMISSION,
    "wanted": [PERMISSION],
    "permissions": ["InvoiceRead"],
    "description": "for the sync",
    "sink": FileSink("/data/secret"),
    "token_reference_number": "20260901-EC-1A2B3CC000-0F1E2D3C53-D1",
    "certificate_name": "Sync 2026",
    "certificate_serial_number": "01F20A5D352AE590",
    "steps": [{"action": "grant_attachment", "nip": "5250001210"}],
    "ksef_numbers": KSEF_NUMBERS,
}
ALARMS = ("KsefCheckFreshnessOperator",)
"""They fail at once, since that is what they are for."""
TEMPLATED = ("path", "conn_id", "context", "reference", "date_", "month", "nip", "number", "subject_type")
"""Users expect templates in parameters that have this in their name."""
NOT_TEMPLATED = ("date_type", "buyer_identifier_type", "keep_open_months")


def classes() -> Iterator[type[BaseOperator]]:
    info = get_provider_info()
    rooms = [*info["operators"], *info["sensors"]]
    modules = [name for room in rooms for name in room["python-modules"]]
    modules += [transfer["python-module"] for transfer in info["transfers"]]
    found = {
        member.__name__: member
        for module in map(import_module, modules)
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, BaseOperator) and member.__name__.startswith("Ksef")
    }
    yield from (kind for name, kind in sorted(found.items()) if name != "KsefExportOperator")


def parameters(kind: type[BaseOperator]) -> dict[str, inspect.Parameter]:
    """The parameters of the package's own."""
    return {
        name: parameter
        for base in kind.__mro__
        if base.__module__.startswith("airflow_provider_ksef")
        for name, parameter in inspect.signature(base.__init__).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def needed(kind: type[BaseOperator]) -> dict[str, Any]:
    return {name: NEEDED[name] for name, given in parameters(kind).items() if given.default is given.empty}


every = pytest.mark.parametrize("kind", list(classes()), ids=lambda kind: kind.__name__)


@every
def test_templates_name_what_is_there(kind: type[BaseOperator]) -> None:
    task = kind(task_id="task", **needed(kind))
    assert {field for field in task.template_fields if not hasattr(task, field)} == set()
    assert set(task.template_fields) <= set(parameters(kind))


@every
def test_templates_stand_where_users_expect_them(kind: type[BaseOperator]) -> None:
    expected = {
        name
        for name in parameters(kind)
        if any(part in name for part in TEMPLATED) and name not in NOT_TEMPLATED
    }
    assert expected - set(kind.template_fields) == set()


@every
def test_a_dag_with_it_is_stored_and_read_again(kind: type[BaseOperator]) -> None:
    with DAG("dag", schedule=None, start_date=datetime(2026, 2, 1, tzinfo=UTC)) as dag:
        kind(task_id="plain", **needed(kind))
        given = needed(kind)
        name, value = given.popitem() if given else ("ksef_conn_id", "ksef_default")
        common = kind.partial(task_id="mapped", map_index_template="{{ task.task_id }}", **given)
        common.expand(**{name: [value]})
    again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert set(again.task_dict) == {"plain", "mapped"}
    wanted = 0 if kind.__name__ in ALARMS else DEFAULT_RETRIES
    assert [again.task_dict[name].retries for name in ("plain", "mapped")] == [wanted] * 2
    if kind.__name__ not in ALARMS:
        task = dag.task_dict["plain"]
        assert isinstance(task.retry_policy, KsefRetryPolicy)


@every
def test_templates_and_results_of_other_tasks_pass_the_checks(kind: type[BaseOperator]) -> None:
    fields = set(kind.template_fields) & set(parameters(kind))
    kind(task_id="templated", **{**needed(kind), **dict.fromkeys(fields, "{{ params.x }}")})
    with DAG("dag", schedule=None):
        other = KsefSessionSensor(task_id="other", session_reference_number=REFERENCE)
        given = {**needed(kind), **dict.fromkeys(fields, XComArg(other))}
        assert other.task_id in kind(task_id="task", **given).upstream_task_ids


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (KsefSubmitBatchOperator, {"form_code": "FA3"}),
        (KsefSendInvoicesOperator, {"form_code": "FA(3)"}),
        (KsefSubmitBatchOperator, {"timeout": timedelta(hours=1)}),
        (KsefSendInvoicesOperator, {"timeout": math.inf}),
        (KsefDownloadUpoOperator, {"poll_interval": "10"}),
        (KsefDownloadUpoOperator, {"session_reference_number": "x"}),
        (KsefSessionSensor, {"session_reference_number": ""}),
        (KsefSyncInvoicesOperator, {"subject_types": ["Buyer"]}),
        (KsefSyncInvoicesOperator, {"subject_types": "Subject2"}),
        (KsefBackfillInvoicesOperator, {"date_type": "Sale"}),
        (KsefInvoiceSensor, {"date_from": "yesterday"}),
        (KsefInvoiceSensor, {"seller_nip": "5250001211"}),
        (KsefInvoiceSensor, {"amount_from": 5}),
        (KsefEnrollCertificateOperator, {"valid_from": datetime(2026, 9, 1)}),  # noqa: DTZ001
        (KsefEnrollCertificateOperator, {"valid_from": "2026-09-01T00:00:00Z"}),
        (KsefRotateCertificateOperator, {"renew_before": 30}),
        (KsefRevokeCertificateOperator, {"revocation_reason": "Lost"}),
        (KsefRevokeTokenOperator, {"token_reference_number": "x"}),
        (KsefCertificateExpirySensor, {"within": timedelta(days=-1)}),
        (KsefCertificateExpirySensor, {"certificate_type": "Login"}),
        (KsefTokenExpirySensor, {"description": "x"}),
        (KsefSyncPermissionsOperator, {"max_revocations": -1}),
    ],
)
def test_what_is_wrong_whatever_the_data_is_told_when_the_dag_is_parsed(
    kind: type[BaseOperator], given: dict[str, Any]
) -> None:
    with pytest.raises(KsefInputError):
        kind(task_id="task", **{**needed(kind), **given})


@pytest.mark.parametrize(
    "kind",
    [kind for kind in classes() if issubclass(kind, BaseSensorOperator)],
    ids=lambda kind: kind.__name__,
)
def test_a_sensor_takes_its_times_as_airflows_do(kind: type[BaseSensorOperator]) -> None:
    times = {"poke_interval": timedelta(minutes=5), "timeout": timedelta(hours=2)}
    sensor = kind(task_id="task", **times, **needed(kind))
    assert (sensor.poke_interval, sensor.timeout) == (300, 7200)
