"""Reading lists that come in pages, to their end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from airflow_provider_ksef.client.calls import Call, Flow

T = TypeVar("T")


@dataclass(frozen=True)
class TokenPage(Generic[T]):
    """
    A page of a list that goes on by a token.

    :param items: of the page.
    :param continuation_token: of the next page; None or empty on the last one.
    """

    items: list[T]
    continuation_token: str | None


@dataclass(frozen=True)
class OffsetPage(Generic[T]):
    """
    A page of a list that goes on by the page's index.

    :param items: of the page.
    :param has_more: whether there is a next page.
    """

    items: list[T]
    has_more: bool


def read_by_token(page: Callable[[dict[str, str]], Call[TokenPage[T]]]) -> Flow[list[T]]:
    """
    Read all pages of a list.

    :param page: makes the call of a page from the headers that say which one it is.
    """
    items: list[T] = []
    headers: dict[str, str] = {}
    while True:
        found = yield from page(headers)
        items += found.items
        if not found.continuation_token:
            return items
        headers = {"x-continuation-token": found.continuation_token}


def read_by_offset(page: Callable[[int], Call[OffsetPage[T]]]) -> Flow[list[T]]:
    """
    Read all pages of a list.

    :param page: makes the call of a page from its index, which begins with 0.
    """
    items: list[T] = []
    index = 0
    while True:
        found = yield from page(index)
        items += found.items
        if not found.has_more:
            return items
        index += 1
