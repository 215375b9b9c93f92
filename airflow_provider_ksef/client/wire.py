"""At the wire: what is done around every request, whoever sends or repeats it."""

from __future__ import annotations

import httpx

from airflow_provider_ksef.client.rate_limit_groups import STORAGE
from airflow_provider_ksef.client.usage import Usage

GROUP = "ksef_group"
"""The extension of a request that names its group of endpoints; without it, it leads to storage."""


class Wire:
    """
    Hooks for a client of httpx, which calls them around each request, those of a login included.

    :param usage: counts requests and answers.
    """

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def before(self, request: httpx.Request) -> None:
        """Do what comes before a request."""
        self._count(request)

    def after(self, response: httpx.Response) -> None:
        """Do what comes after an answer's head."""
        self._usage.count_answer(response.status_code)

    async def before_async(self, request: httpx.Request) -> None:
        """Do as :meth:`before`, in an event loop."""
        self._count(request)

    async def after_async(self, response: httpx.Response) -> None:
        """Do as :meth:`after`, in an event loop."""
        self._usage.count_answer(response.status_code)

    def _count(self, request: httpx.Request) -> None:
        group = request.extensions.get(GROUP, STORAGE)
        self._usage.count_call(group, int(request.headers.get("content-length", 0)))
