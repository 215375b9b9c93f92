"""Tasks write down which process runs them, so that it can be killed."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any


def note_process(context: dict[str, Any]) -> None:
    """Note the try and its process; for ``pre_execute``."""
    ti = context["ti"]
    note = Path(os.environ["KSEF_TEST_NOTES"], f"{ti.run_id}.{ti.task_id}")
    partial = note.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(f"{ti.try_number} {os.getpid()}")
    partial.rename(note)


KILLED: dict[str, Any] = {
    "ksef_conn_id": "{{ params.conn }}",
    "retries": 40,
    "retry_delay": timedelta(0),
    "poll_interval": 0.3,
    "pre_execute": note_process,
}
"""What a task is given whose tries are killed: the next one follows at once."""
