"""Invoices checked before anything is sent: all problems of all files in one report. Usable alone."""
