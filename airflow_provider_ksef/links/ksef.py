"""
From a task in Airflow's interface to what it is about.

Airflow asks for the links where the task has run, and keeps them as XCom. None holds a secret: what a link of
KSeF's leads to asks for a login, or shows what stands in the link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_ksef._compat import AirflowException, BaseOperator, BaseOperatorLink, storage_path
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.hooks.ksef import KsefHook

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

_LOCAL = ("", "file", "local")
_CONSOLES = {
    "s3": "https://s3.console.aws.amazon.com/s3/buckets/{bucket}?prefix={folder}/",
    "gs": "https://console.cloud.google.com/storage/browser/{bucket}/{folder}",
}


class KsefInvoiceLink(BaseOperatorLink):
    """To the page of KSeF on which anybody sees whether it has the invoice, unchanged (KOD I)."""

    @property
    def name(self) -> str:
        """What the button says."""
        return "Invoice in KSeF"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Give the link that the task has kept as ``invoice_url``; empty where it saw no invoice."""
        del ti_key
        return str(getattr(operator, "invoice_url", ""))


class KsefAppLink(BaseOperatorLink):
    """To Aplikacja Podatnika, where its owner finds the session by its reference number."""

    @property
    def name(self) -> str:
        """What the button says."""
        return "Aplikacja Podatnika KSeF"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Give the page of the environment that the task's connection names; empty with an emulator."""
        del ti_key
        try:
            conn_id = getattr(operator, "ksef_conn_id", KsefHook.default_conn_name)
            hook = KsefHook(conn_id, getattr(operator, "context_identifier", None))
            return hook.settings.environment.app_url
        except (KsefError, AirflowException):
            return ""


class KsefTablesLink(BaseOperatorLink):
    """To the folder of the tables: the console of S3 or Google Cloud Storage, or a path."""

    @property
    def name(self) -> str:
        """What the button says."""
        return "Tables"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Give the link to the task's ``tables_path``; empty where there is none, or no page shows it."""
        del ti_key
        named = getattr(operator, "tables_path", None)
        return "" if named is None else folder_url(named)


def folder_url(named: object) -> str:
    """
    Give a URL that shows a folder in a browser; empty for stores that have no such page.

    :param named: as an operator takes it. What stands for credentials in it is left out.
    """
    try:
        path = storage_path(str(named))
    except ValueError:
        return ""
    if path.protocol in _LOCAL:
        return f"file://{quote(path.absolute().path)}"
    bucket, _, folder = path.path.strip("/").partition("/")
    return _CONSOLES.get(path.protocol, "").format(bucket=quote(bucket), folder=quote(folder))
