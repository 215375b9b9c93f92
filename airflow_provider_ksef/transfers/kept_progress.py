"""What a task has done so far, over a wait that ends its process within one try."""

from __future__ import annotations

from typing import Any

import msgspec

from airflow_provider_ksef._compat import Context, task_state
from airflow_provider_ksef.transfers.export_walk import progress_to_resume
from airflow_provider_ksef.transfers.progress import Progress

STATE_KEY = "progress"


def keep_progress(context: Context, progress: Progress) -> dict[str, Any]:
    """
    Keep the progress for this try: Airflow's state has it for a task that is rescheduled.

    :returns: what a deferral keeps of it.
    """
    task_state(context).set(STATE_KEY, {"try": _try(context), "progress": progress.to_json()})
    return progress_to_resume(progress)


def kept_progress(context: Context) -> Progress | None:
    """Give the progress of this very try; None where it has just begun."""
    noted = task_state(context).get(STATE_KEY)
    try:
        is_ours = bool(noted) and noted["try"] == _try(context)
        return msgspec.convert(noted["progress"], Progress) if is_ours else None
    except (TypeError, KeyError, msgspec.ValidationError):
        return None


def _try(context: Context) -> int | None:
    return getattr(context.get("ti"), "try_number", None)
