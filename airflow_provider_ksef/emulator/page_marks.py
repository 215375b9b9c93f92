"""The high-water marks that first pages told."""

from __future__ import annotations

import threading
from collections import OrderedDict

from airflow_provider_ksef.emulator.hwm import HighWaterMark

_MOST = 1000


class PageMarks:
    """
    Lets all pages of a query be bounded by the mark of its first one, however long their reader takes.

    :param mark: the mark as it moves on.
    """

    def __init__(self, mark: HighWaterMark) -> None:
        self._mark = mark
        self._lock = threading.Lock()
        self._told: OrderedDict[str, int] = OrderedDict()

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._told.clear()

    def of_page(self, query: str, page: int) -> int:
        """
        Give the mark for a page, in ticks.

        :param query: whose pages they are: context and filters as text.
        """
        with self._lock:
            if page == 0 or query not in self._told:
                self._told[query] = self._mark.current()
            self._told.move_to_end(query)
            if len(self._told) > _MOST:
                self._told.popitem(last=False)
            return self._told[query]
