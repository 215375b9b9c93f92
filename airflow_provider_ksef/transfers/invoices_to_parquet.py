"""Received invoices become tables: kept up to date by sync, filled for a stated interval by backfill."""

from __future__ import annotations

from airflow_provider_ksef.transfers.backfill_invoices import KsefBackfillInvoicesOperator
from airflow_provider_ksef.transfers.sync_invoices import KsefSyncInvoicesOperator

__all__ = ["KsefBackfillInvoicesOperator", "KsefSyncInvoicesOperator"]
