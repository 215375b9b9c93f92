"""The emulator's own command, its application wrapped to be held against the contract: for tests alone."""

from __future__ import annotations

import runpy

from fastapi import FastAPI

from airflow_provider_ksef.emulator import app as emulated
from airflow_provider_ksef.emulator.connections import Connections
from airflow_provider_ksef.emulator.emulator import Emulator
from tests.contract.middleware import ContractCheck, notice_faults
from tests.contract.openapi import read_contract
from tests.official import CONTRACT


def _wrap() -> None:
    make_app = emulated.make_app
    contract = read_contract(CONTRACT)

    def make_checked_app(emulator: Emulator, connections: Connections) -> FastAPI:
        app = make_app(emulator, connections)
        app.add_middleware(ContractCheck, contract=contract)
        return app

    emulated.make_app = make_checked_app


if __name__ == "__main__":
    notice_faults()
    _wrap()
    runpy.run_module("airflow_provider_ksef.emulator", run_name="__main__")
