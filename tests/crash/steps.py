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
_REWRITES = {
    "local": tuple(f"rewrite: {step}" for step in ("announced", "built", "checked", "exchanged", "removed")),
    "s3": tuple(f"rewrite: {step}" for step in ("announced", "staged", "checked", "published", "removed")),
}
_COMPACTION = (
    "rewrite: built",
    "publish: announced",
    "publish: wrote a data file",
    "delta: read the snapshot",
    "delta: exchanged",
)


def steps_of(kind: str, place: str, table_format: str) -> Sequence[str]:
    """
    Tell at which steps a task changes the tables.

    :param kind: the task's.
    :param place: the place's.
    :param table_format: ``parquet`` or ``delta``.
    """
    if kind in ("sync", "backfill"):
        return _COMMITS[table_format]
    if table_format == "delta":
        own = {"compact": _COMPACTION, "delete": ("retention: deleted",)}[kind]
    else:
        own = _REWRITES[place]
    return ("lease: taken", *own, *(("retention: noted",) if kind == "delete" else ()))
