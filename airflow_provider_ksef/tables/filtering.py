"""What a reader asks of a table's rows, checked against its columns before any file is opened."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_ksef.exceptions import KsefInputError

Condition = tuple[str, str, Any]
_OF_LISTS = ("in", "not in")
_SHAPE = 'Give tuples such as [("currency", "=", "EUR")], or an expression of pyarrow.'


def filter_expression(filters: Any, schema: pa.Schema) -> pc.Expression | None:
    """
    Make an expression of what a reader gave.

    :param filters: an expression of pyarrow, conditions that all hold, several such lists of which one holds,
        or None; texts stand for dates, times and amounts where the column holds these.
    :param schema: the columns that may be named.
    :returns: None where there is nothing to filter.
    :raises KsefInputError: where a name, an operator or a value does not fit.
    """
    if filters is None:
        return None
    if not isinstance(filters, pc.Expression | Sequence) or isinstance(filters, str):
        raise _misfit(filters, "is no list of conditions")
    if not isinstance(filters, pc.Expression) and len(filters) == 0:
        return None
    try:
        expression = filters if isinstance(filters, pc.Expression) else _from_tuples(filters, schema)
        _row_of_nulls(schema).filter(expression)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise _misfit(filters, str(error)) from error
    return expression


def _from_tuples(filters: Sequence[Any], schema: pa.Schema) -> pc.Expression:
    are_conditions = isinstance(filters[0], tuple) and isinstance(filters[0][0], str)
    either = [filters] if are_conditions else filters
    return pq.filters_to_expression([[_typed(condition, schema) for condition in every] for every in either])


def _typed(condition: Any, schema: pa.Schema) -> Condition:
    if not isinstance(condition, tuple) or len(condition) != 3:
        raise _misfit(condition, "is no condition of three parts")
    name, operator, value = condition
    if name not in schema.names:
        raise KsefInputError(
            "filters", name, "is no column of the table", f"Choose from: {', '.join(schema.names)}."
        )
    kind = schema.field(name).type
    is_list = isinstance(value, Collection) and not isinstance(value, str | bytes)
    if value is None:
        raise _misfit(condition, f"nothing equals null, give pyarrow.compute.field({name!r}).is_null()")
    if is_list != (operator in _OF_LISTS):
        raise _misfit(condition, "a list belongs to 'in' and 'not in', one value to the other operators")
    if is_list:
        return name, operator, [_value(each, kind, condition) for each in value]
    return name, operator, _value(value, kind, condition)


def _row_of_nulls(schema: pa.Schema) -> pa.Table:
    """Make a row to try an expression on: without one, types that do not fit may pass."""
    return pa.table([pa.nulls(1, field.type) for field in schema], schema=schema)


def _value(value: Any, kind: pa.DataType, condition: Condition) -> Any:
    """Give a value the column's type."""
    try:
        if pa.types.is_date(kind) and isinstance(value, str):
            return date.fromisoformat(value)
        if pa.types.is_timestamp(kind) and isinstance(value, str | date):
            return _moment(value)
        if pa.types.is_decimal(kind) and isinstance(value, str | int | float):
            return Decimal(str(value))
    except (ValueError, InvalidOperation) as error:
        raise _misfit(condition, f"{value!r} does not fit {kind}") from error
    return value


def _moment(given: str | date) -> datetime:
    moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError("no offset")
    return moment


def _misfit(given: object, problem: str) -> KsefInputError:
    return KsefInputError("filters", str(given), problem, f"{_SHAPE} A time needs its offset.")
