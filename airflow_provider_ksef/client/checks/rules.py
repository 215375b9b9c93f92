"""What invoices are held against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from upath import UPath

from airflow_provider_ksef.client.invoice_limits import DEFAULT_LIMITS, InvoiceLimits
from airflow_provider_ksef.client.settings import ContextIdentifier


@dataclass(frozen=True)
class CheckRules:
    """
    What is checked beyond the file's encoding and XML; whatever is None is not checked.

    :param form_code: system code of the session's form, such as ``FA (3)``.
    :param context: in whose name the invoices are sent: the seller must be this company.
    :param allow_self_invoicing: whether a buyer may issue in the seller's name (``P_17`` is 1), which KSeF
        takes where the seller has granted it.
    :param today: the Polish day; no invoice may be issued after it.
    :param schema_dir: folder with the official XSD files, in any subfolders.
    :param limits: how large an invoice may be; KSeF's defaults, where the company has no others.
    """

    form_code: str | None = None
    context: ContextIdentifier | None = None
    allow_self_invoicing: bool = False
    today: date | None = None
    schema_dir: UPath | None = None
    limits: InvoiceLimits = DEFAULT_LIMITS

    @property
    def context_nip(self) -> str | None:
        """The company's NIP; a Peppol provider issues for others and has none."""
        if self.context is None or self.context.type == "PeppolId":
            return None
        return self.context.value[:10]
