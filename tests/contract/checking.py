"""Holding requests and answers against the contract, and writing down where they differ."""

from __future__ import annotations

import httpx

from tests.contract.answer_check import answer_problems
from tests.contract.openapi import Contract
from tests.contract.request_check import request_problems, storage_request_problems
from tests.contract.violations import report

STORAGE = "/storage"


def check_request(contract: Contract, request: httpx.Request) -> None:
    if request.url.path.startswith(STORAGE):
        report("request to a link", storage_request_problems(request))
    else:
        report(f"request {_name(contract, request)}", request_problems(contract, request))


def check_answer(contract: Contract, request: httpx.Request, answer: httpx.Response) -> None:
    what = f"answer {answer.status_code} to {_name(contract, request)}"
    report(what, answer_problems(contract, request, answer))


def _name(contract: Contract, request: httpx.Request) -> str:
    path = request.url.path.removeprefix("/v2")
    operation = contract.find(request.method, path)
    return operation.name if operation else f"{request.method} {path}"
