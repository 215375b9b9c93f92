"""How requests are read and answers are written: names in any case, no null members."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

_SURROGATE = re.compile("[\ud800-\udfff]")


class WireModel(BaseModel):
    """A request object. Names match without regard to case, as in KSeF; null is as good as nothing there."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _match_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if not all(map(_is_text, _strings(data))):
            raise ValueError("holds half of a surrogate pair, which is no character")
        names = {(each.alias or name).lower(): each.alias or name for name, each in cls.model_fields.items()}
        return {
            names.get(str(name).lower(), name): value for name, value in data.items() if value is not None
        }


class ControlModel(WireModel):
    """The body of one of the emulator's own controls, where a member that it does not know is a slip."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:
        known = [each.alias or name for name, each in cls.model_fields.items()]
        names = {name.lower() for name in known}
        unknown = (
            [str(name) for name in data if str(name).lower() not in names] if isinstance(data, dict) else []
        )
        if unknown:
            members = {"unknown": ", ".join(unknown), "known": ", ".join(known)}
            raise PydanticCustomError("unknown_member", "unknown: {unknown}; what there is: {known}", members)
        return data


def _strings(data: object) -> Iterator[str]:
    """All texts in what was JSON, however deep."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]


def _is_text(text: str) -> bool:
    return text.isascii() or not _SURROGATE.search(text)


class WireResponse(Response):
    """A JSON answer from which members without a value are left out."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def present(**members: Any) -> dict[str, Any]:
    """An object of those members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


PublicKeyId = Annotated[str, Field(min_length=44, max_length=44)]


class Encryption(WireModel):
    """The symmetric key of a session or an export, encrypted for the server."""

    encrypted_symmetric_key: str
    initialization_vector: str
    public_key_id: PublicKeyId | None = None
