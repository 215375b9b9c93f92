"""Run one example DAG: ``run_dag DAG_ID TASK_ID CONF RESULT``; the file RESULT takes the return value."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag
from airflow.models.xcom import XComModel
from airflow.sdk.serde import deserialize
from airflow.utils.session import create_session

EXAMPLE_DAGS = Path(__file__).resolve().parents[1]


def main(dag_id: str, task_id: str, conf: str, result_file: str) -> int:
    """Give 0 where the run succeeded."""
    bag = DagBag(dag_folder=str(EXAMPLE_DAGS / f"{dag_id}.py"))
    if bag.import_errors:
        print(bag.import_errors, file=sys.stderr)
        return 1
    run = bag.dags[dag_id].test(run_conf=json.loads(conf))
    with create_session() as session:
        query = XComModel.get_many(
            run_id=run.run_id, key="return_value", dag_ids=[dag_id], task_ids=[task_id]
        )
        values = [deserialize(XComModel.deserialize_value(row)) for row in session.scalars(query)]
    Path(result_file).write_text(json.dumps(values[0] if values else None, default=str), encoding="utf-8")
    return 0 if str(run.state) == "success" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
