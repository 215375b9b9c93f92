"""Invented invoices that look like real ones: varied, valid, and the same on every machine."""

from __future__ import annotations

from airflow_provider_ksef.emulator.synthetic.invoice import SyntheticInvoice, synthesize

__all__ = ["SyntheticInvoice", "synthesize"]
