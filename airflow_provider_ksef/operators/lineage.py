"""What a task has read and written, for OpenLineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from upath import UPath

from airflow_provider_ksef.assets import asset_of, convert_asset_to_openlineage
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.operators.invoice_source import InvoiceSource, named_paths
from airflow_provider_ksef.operators.parameters import path_of

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

_LOCAL = ("", "file", "local")
SELLER = "Subject1"


@dataclass(frozen=True)
class TableTraffic:
    """
    Tables that a task has read from KSeF.

    :param settings: whose invoices.
    :param subject_types: their roles.
    :param tables_path: where the tables are, as the operator has it.
    :param rows: rows that came, by table; None where they were not counted.
    """

    settings: Settings
    subject_types: Sequence[str]
    tables_path: Any
    rows: Mapping[str, int | None]

    def as_lineage(self) -> OperatorLineage[Any, Any]:
        """Give it in OpenLineage's words: the company in KSeF is read, the tables are written."""
        return _lineage(
            [_of_ksef(self.settings, subject_type) for subject_type in self.subject_types],
            [_of_table(self.tables_path, table, rows) for table, rows in self.rows.items()],
        )


@dataclass(frozen=True)
class SentTraffic:
    """
    Invoices that a task has sent to KSeF.

    :param settings: in whose name.
    :param invoices: where they were, as the operator has it.
    :param tables_path: where ``submissions`` is kept; None where it is not.
    :param sent: how many files.
    :param accepted: how many of them KSeF took; None where nobody waited for it.
    """

    settings: Settings
    invoices: InvoiceSource | Sequence[InvoiceSource]
    tables_path: Any
    sent: int
    accepted: int | None

    def as_lineage(self) -> OperatorLineage[Any, Any]:
        """Give it in OpenLineage's words: folders are read, the company in KSeF is written."""
        folders = dict.fromkeys(
            path.parent if path.suffix or "*" in path.name else path for path in named_paths(self.invoices)
        )
        kept = [_of_table(self.tables_path, "submissions", self.sent)] if self.tables_path else []
        return _lineage(
            [_dataset(*_place(folder), None, {}) for folder in folders],
            [_of_ksef(self.settings, SELLER, self.accepted), *kept],
        )


@dataclass(frozen=True)
class AuditTraffic:
    """
    Snapshots that a task has taken of what KSeF knows of a company.

    :param settings: whose.
    :param tables_path: where the tables are, as the operator has it.
    :param rows: rows of the snapshot, by table.
    """

    settings: Settings
    tables_path: Any
    rows: Mapping[str, int]

    def as_lineage(self) -> OperatorLineage[Any, Any]:
        """Give it in OpenLineage's words: the company in KSeF is read, the tables are written."""
        of_seller = convert_asset_to_openlineage(asset_of(self.settings, SELLER), None)
        company = _dataset(of_seller.namespace, of_seller.name.removesuffix(f"/{SELLER}"), None, {})
        return _lineage(
            [company], [_of_table(self.tables_path, table, rows) for table, rows in self.rows.items()]
        )


class SendingOperator(Protocol):
    """What an operator has that sends invoices."""

    invoices: InvoiceSource | Sequence[InvoiceSource]
    tables_path: Any


def sent_traffic(operator: SendingOperator, settings: Settings, result: Mapping[str, Any]) -> SentTraffic:
    """
    Keep what a sending task has read and written.

    :param operator: the task.
    :param settings: in whose name.
    :param result: the task's.
    """
    count, accepted = result["invoice_count"], result["accepted"]
    return SentTraffic(settings, operator.invoices, operator.tables_path, count, accepted)


def lineage_of(traffic: TableTraffic | SentTraffic | AuditTraffic | None) -> OperatorLineage[Any, Any] | None:
    """
    Give what a task tells OpenLineage, where its provider is installed.

    :param traffic: what the task has read and written; None where it did not come so far.
    """
    try:
        return None if traffic is None else traffic.as_lineage()
    except ImportError:
        return None


def _lineage(inputs: list[Any], outputs: list[Any]) -> OperatorLineage[Any, Any]:
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(inputs=inputs, outputs=outputs)


def _of_ksef(settings: Settings, subject_type: str, rows: int | None = None) -> Any:
    named = convert_asset_to_openlineage(asset_of(settings, subject_type), None)
    return _dataset(named.namespace, named.name, rows, {})


def _of_table(tables_path: Any, table: str, rows: int | None) -> Any:
    from airflow.providers.common.compat.openlineage.facet import SchemaDatasetFacet, SchemaDatasetFacetFields

    from airflow_provider_ksef.tables.schema import EVERY_TABLE

    fields = [
        SchemaDatasetFacetFields(
            name=field.name,
            type=str(field.type),
            description=(field.metadata or {}).get(b"description", b"").decode() or None,
        )
        for field in EVERY_TABLE[table]
    ]
    namespace, name = _place(path_of("tables_path", tables_path) / table)
    return _dataset(namespace, name, rows, {"schema": SchemaDatasetFacet(fields=fields)})


def _dataset(namespace: str, name: str, rows: int | None, facets: dict[str, Any]) -> Any:
    from airflow.providers.common.compat.openlineage.facet import (
        Dataset,
        OutputDataset,
        OutputStatisticsOutputDatasetFacet,
    )

    if rows is None:
        return Dataset(namespace=namespace, name=name, facets=facets)
    statistics = OutputStatisticsOutputDatasetFacet(rowCount=rows)
    return OutputDataset(
        namespace=namespace, name=name, facets=facets, outputFacets={"outputStatistics": statistics}
    )


def _place(path: UPath) -> tuple[str, str]:
    """Name a file or folder as OpenLineage does; what stands for credentials in a URL is no part of it."""
    if path.protocol in _LOCAL:
        return "file", path.absolute().path
    bucket, _, rest = path.path.partition("/")
    return f"{path.protocol}://{bucket}", rest
