"""
How deltalake reaches a folder: its address, and for S3 the credentials that ``tables_path`` opens with.

They are taken from the file system itself, whether an Airflow connection or the options of a ``UPath`` made
it, so that nobody has to give them twice. They go to the library and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from fsspec import AbstractFileSystem
from fsspec.asyn import sync
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.layout import LOCAL_PROTOCOLS

S3_PROTOCOLS = ("s3", "s3a")
OTHER_PROTOCOLS = ("gs", "gcs", "az", "abfs", "abfss")
"""Object stores that deltalake opens by what its own environment variables say."""


def delta_address(root: UPath, table: str) -> str:
    """
    Give the address of a Delta table.

    :param root: ``tables_path``.
    :param table: such as ``invoices``.
    :raises KsefInputError: where Delta tables cannot be kept there.
    """
    if root.protocol in LOCAL_PROTOCOLS:
        return str(Path(root.path).absolute() / table)
    if root.protocol in S3_PROTOCOLS + OTHER_PROTOCOLS:
        protocol = "s3" if root.protocol in S3_PROTOCOLS else root.protocol
        if unquote(root.path) != root.path:  # the library would look elsewhere than we do
            raise KsefInputError(
                "tables_path",
                str(root),
                "holds an escape such as %20, by which Delta tables would lie elsewhere",
                "Give a folder without it, or use Parquet.",
            )
        return f"{protocol}://{quote(root.path.strip('/'), safe='/@:')}/{table}"
    raise KsefInputError(
        "table_format",
        "delta",
        f"Delta tables cannot be kept on {root.protocol}://",
        "Give a local folder, S3, Google Cloud Storage or Azure as tables_path, or use Parquet.",
    )


def storage_options(root: UPath) -> dict[str, str] | None:
    """
    Give deltalake's options for a folder; None where it needs none.

    :param root: ``tables_path``, such as ``ObjectStoragePath("s3://aws_default@bucket/ksef")``.
    """
    if root.protocol not in S3_PROTOCOLS:
        return None
    fs = root.fs
    fs.connect()
    where = fs.s3.meta
    options = {
        "aws_region": where.region_name or "us-east-1",
        "aws_conditional_put": "etag",
        **_credentials(fs),
    }
    if not (urlsplit(where.endpoint_url).hostname or "").endswith(".amazonaws.com"):
        options |= {
            "aws_endpoint": where.endpoint_url,
            "aws_allow_http": str(where.endpoint_url.startswith("http://")).lower(),
        }
    return options


def _credentials(fs: AbstractFileSystem) -> dict[str, str]:
    if fs.anon:
        return {"aws_skip_signature": "true"}
    found = (fs.key, fs.secret, fs.token) if fs.key else sync(fs.loop, _frozen, fs.session)
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return {name: value for name, value in zip(names, found, strict=True) if value}


async def _frozen(session: Any) -> tuple[str | None, ...]:
    credentials = await session.get_credentials()
    if credentials is None:
        return (None, None, None)
    frozen = await credentials.get_frozen_credentials()
    return (frozen.access_key, frozen.secret_key, frozen.token)
