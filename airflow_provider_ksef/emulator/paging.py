"""Pages of lists: by size and a continuation token."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Query

from airflow_provider_ksef.emulator.crypto import decode_base64, encode_base64
from airflow_provider_ksef.emulator.errors import ApiError, Invalid

PageSize = Annotated[int, Query(alias="pageSize", json_schema_extra={"minimum": 10})]
ContinuationToken = Annotated[str | None, Header(alias="x-continuation-token")]

_LONGEST = 12


def check_page_size(size: int, most: int) -> None:
    """
    Check a page's size.

    :raises Invalid: where it is not between 10 and ``most``.
    """
    if not 10 <= size <= most:
        raise Invalid(f"'pageSize' must be between 10 and {most}. You entered {size}.")


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
