"""Packages in, Arrow and Parquet out; watermark, lease and commit. No Airflow, no HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_ksef.tables.reading import read

__all__ = ["read"]


def __getattr__(name: str) -> Any:
    """Load pyarrow only where a table is read."""
    if name == "read":
        from airflow_provider_ksef.tables.reading import read

        return read
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
