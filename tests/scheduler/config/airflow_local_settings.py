"""
What Airflow's components have imported before they fork.

Each task is a process of its own, forked by the scheduler; without this each would import all of it again.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

import airflow_provider_ksef

__all__: list[str] = []

_HEAVY = ("lxml.etree", "pyarrow.dataset", "pyarrow.parquet")
_FORKED = ("airflow_provider_ksef.client.", "airflow_provider_ksef.hooks.", "airflow_provider_ksef.tables.")

for _name in _HEAVY:
    import_module(_name)
for _module in pkgutil.walk_packages(airflow_provider_ksef.__path__, "airflow_provider_ksef."):
    if _module.name.startswith(_FORKED):
        import_module(_module.name)
