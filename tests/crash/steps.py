"""How the steps begin at which a try can be struck."""

from __future__ import annotations

from collections.abc import Sequence

_LEASE = ("lease: created", "lease: taken", "lease: forbade", "lease: given back")
_COMMIT = ("environment", *_LEASE, "read back", "publish: announced")
_COMMITS = {
    "parquet": (
        *_COMMIT,
        "publish: prepared",
        "publish: read the watermark",
        "publish: checked the lease",
        "publish: published",
        "publish: moved the watermark",
    ),
    "delta": (*_COMMIT, "publish: wrote a data file", "delta: read the snapshot", "delta: committed"),
}
_REWRITE = {
    "local": ("announced", "built", "checked", "exchanged", "removed"),
    "s3": ("announced", "staged", "checked", "published", "removed"),
}


def steps_of(kind: str, place: str, table_format: str) -> Sequence[str]:
    """
    Tell at which steps a task changes the tables.

    :param kind: the task's.
    :param place: the place's.
    :param table_format: ``parquet`` or ``delta``.
    """
    if kind in ("sync", "backfill"):
        return _COMMITS[table_format]
    own = {"compact": "compaction: merged", "delete": "retention: deleted"}[kind]
    rewrite = tuple(f"rewrite: {step}" for step in _REWRITE.get(place, ()))
    return ("lease: taken", *(rewrite or (own,)), *(("retention: noted",) if kind == "delete" else ()))
