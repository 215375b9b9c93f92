"""Saying how much of an hour's budget is left, before it runs out and not with every call."""

from __future__ import annotations

import logging
import time

from airflow_provider_ksef.client.turns import Turn

log = logging.getLogger(__name__)
_SHARE = 0.75
"""Of the budget: from here on its end is worth a word."""
_SECONDS_BETWEEN_WORDS = 3600.0


class BudgetWords:
    """What one client has said of its budgets."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, bool], float] = {}

    def tell(self, counter: str, turn: Turn) -> None:
        """
        Say how far an hour's budget is used up, once when three quarters are and once when all is.

        :param counter: names what the budget is of.
        :param turn: that was just taken.
        """
        if not turn.limit or turn.used < turn.limit * _SHARE:
            return
        is_last = turn.used >= turn.limit
        now = time.monotonic()
        if now < self._said.get((counter, is_last), float("-inf")) + _SECONDS_BETWEEN_WORDS:
            return
        self._said[counter, is_last] = now
        level = logging.WARNING if is_last else logging.INFO
        said = "%s: %d of %d calls of the last hour used, %d left."
        log.log(level, said, counter, turn.used, turn.limit, turn.limit - turn.used)
