"""The official operations that are not built yet, by name. What is built may not stand here."""

from __future__ import annotations

EMULATOR_STILL_TO_COME: frozenset[str] = frozenset()
CLIENT_STILL_TO_COME: frozenset[str] = frozenset()
