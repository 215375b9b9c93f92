"""``python -m airflow_provider_ksef.tables``: look at tables and keep them in order."""

from __future__ import annotations

import sys

from airflow_provider_ksef.tables.console import main

if __name__ == "__main__":
    sys.exit(main())
