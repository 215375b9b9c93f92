"""What is declared of invoices that go one by one (KSeF docs: sesja-interaktywna)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from airflow_provider_ksef.client import online
from airflow_provider_ksef.client.forms import ONLINE_FORMS, form_of
from airflow_provider_ksef.exceptions import KsefInputError


@dataclass(frozen=True)
class OnlineDeclaration:
    """
    What is declared of the invoices.

    :param form_code: KSeF's system code of the form, such as ``FA (3)`` or ``PEF (3)``.
    :param offline_mode: whether they were issued offline.
    :param hash_of_corrected_invoice: Base64 SHA-256 of the rejected offline invoice that the one invoice
        corrects technically.
    """

    form_code: str
    offline_mode: bool = False
    hash_of_corrected_invoice: str | None = None

    def check_itself(self) -> None:
        """
        Refuse what KSeF would refuse of any invoices.

        :raises KsefInputError: where the form is unknown, or the correction is none.
        """
        form_of(self.form_code, ONLINE_FORMS, "an interactive session")
        online.check_correction(self.offline_mode, self.hash_of_corrected_invoice)

    def check(self, invoice_count: int) -> None:
        """
        Refuse what KSeF would refuse.

        :raises KsefInputError: where the form is unknown, or the correction is none or of several invoices.
        """
        self.check_itself()
        if self.hash_of_corrected_invoice is not None and invoice_count != 1:
            raise KsefInputError(
                "invoices",
                f"{invoice_count} files",
                "a technical correction is one invoice",
                "Nothing was sent. Name the one file that corrects, or leave hash_of_corrected_invoice out.",
            )

    def digest(self, files_digest: str) -> str:
        """
        Tell what is sent from anything else: which form, which mode, which correction, which files.

        :param files_digest: of names and contents.
        """
        parts = (
            self.form_code,
            str(self.offline_mode),
            self.hash_of_corrected_invoice or "",
            files_digest,
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
