"""What Airflow reads of the package."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import airflow
import jsonschema_rs
import yaml

from airflow_provider_ksef.get_provider_info import get_provider_info

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "example_dags").glob("example_*.py"))
HEAVY = ("pandas", "pyarrow", "lxml", "duckdb", "signxml", "deltalake")


def airflow_schema(name: str) -> dict[str, object]:
    schema: dict[str, object] = json.loads((Path(airflow.__file__).parent / name).read_text())
    return schema


def test_the_info_is_what_airflow_asks_for() -> None:
    jsonschema_rs.validate(airflow_schema("provider_info.schema.json"), get_provider_info())


def test_the_connection_form_is_what_airflow_asks_for() -> None:
    properties = airflow_schema("provider.yaml.schema.json")["properties"]
    assert isinstance(properties, dict)
    jsonschema_rs.validate(properties["connection-types"], get_provider_info()["connection-types"])


def test_every_named_module_is_there() -> None:
    info = get_provider_info()
    named = [
        module
        for kind in ("hooks", "operators", "sensors", "triggers")
        for room in info[kind]
        for module in room["python-modules"]
    ]
    named += [transfer["python-module"] for transfer in info["transfers"]]
    for name in named:
        import_module(name)


def test_parsing_imports_nothing_heavy() -> None:
    check = f"""
import sys
import airflow_provider_ksef
for file in {[None, *map(str, EXAMPLES)]!r}:
    if file:
        exec(open(file).read(), {{}})
    print(file, [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True)
    told = done.stdout.splitlines()[-len(EXAMPLES) - 1 :]
    assert told == [f"{file} []" for file in (None, *EXAMPLES)]


def test_airflow_lists_the_provider(airflow_home: Path) -> None:
    command = [sys.executable, "-m", "airflow", "providers", "list", "--output", "yaml"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names = [row["package_name"] for row in yaml.safe_load(listed)]
    assert "airflow-provider-ksef" in names


def test_airflow_knows_the_connection_type(airflow_home: Path) -> None:
    command = [sys.executable, "-m", "airflow", "providers", "hooks", "--output", "yaml"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    known = {row["connection_type"]: row["class"] for row in yaml.safe_load(listed)}
    assert known["ksef"] == "airflow_provider_ksef.hooks.ksef.KsefHook"
