"""Pages of lists: by size, and by a continuation token or the page's index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Header, Query

from airflow_provider_ksef.emulator.crypto import decode_base64, encode_base64
from airflow_provider_ksef.emulator.errors import ApiError, Invalid

PageSize = Annotated[int, Query(alias="pageSize", json_schema_extra={"minimum": 10})]
PageOffset = Annotated[int, Query(alias="pageOffset", json_schema_extra={"minimum": 0})]
ContinuationToken = Annotated[str | None, Header(alias="x-continuation-token")]

_LONGEST = 12
T = TypeVar("T")


def check_page_size(size: int, most: int) -> None:
    """
    Check a page's size.

    :raises Invalid: where it is not between 10 and ``most``.
    """
    if not 10 <= size <= most:
        raise Invalid(f"'pageSize' must be between 10 and {most}. You entered {size}.")


def cut_page(found: Sequence[T], *, offset: int, size: int, most: int) -> tuple[Sequence[T], bool]:
    """
    Cut one page out of a whole list; say whether there is another one after it.

    :param offset: index of the page, from 0.
    :param most: the largest size of a page.
    :raises Invalid: where index or size is out of bounds.
    """
    check_page_size(size, most)
    if offset < 0:
        raise Invalid(f"'pageOffset' must be greater than or equal to '0'. You entered {offset}.")
    start = offset * size
    return found[start : start + size], len(found) > start + size


def write_position(position: int) -> str:
    """Give the token of the page that begins after a position."""
    return encode_base64(f"position:{position}".encode())


def read_position(token: str | None) -> int:
    """
    Read the position at which a page begins; 0 without token.

    :raises ApiError: 21418 where the token is none.
    """
    if not token:
        return 0
    try:
        name, _, position = decode_base64(token).decode("ascii").partition(":")
    except ValueError:
        raise ApiError(21418) from None
    if name != "position" or not position.isdigit() or len(position) > _LONGEST:
        raise ApiError(21418)
    return int(position)
