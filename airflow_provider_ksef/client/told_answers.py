"""What KSeF told, word by word: beside the result of a call, all members that its answers have."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from airflow_provider_ksef.client.calls import Answer, Call, Flow, Walk
from airflow_provider_ksef.exceptions import KsefError

_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def told_answers(flow: Flow[Any] | Call[Any]) -> Flow[list[dict[str, Any]]]:
    """
    Carry out calls whose answers are JSON objects, and give these as they came, each checked as ever.

    :param flow: such as :func:`~airflow_provider_ksef.client.tokens.query`; numbers with a fraction become
        Decimal.
    """
    answers: list[dict[str, Any]] = []
    walk = Walk(flow)
    while walk.step is not None:
        step = walk.step
        if isinstance(step, Call):
            step = replace(step, parse=partial(_read, step, answers))
        try:
            outcome = yield step
        except KsefError as error:
            walk.fail(error)
        else:
            walk.answer(outcome)
    return answers


def _read(call: Call[Any], answers: list[dict[str, Any]], answer: Answer) -> Any:
    result = call.parse(answer)
    answers.append(_decoder.decode(answer.content))
    return result
