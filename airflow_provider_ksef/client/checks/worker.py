"""The program of a process that checks a share of the files: the order on stdin, the answer on stdout."""

from __future__ import annotations

import pickle
import sys

from airflow_provider_ksef.client.checks.share import check_share


def main() -> None:
    """Check the share that comes in, and answer with the outcomes, or with the error."""
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr
    order = pickle.load(sys.stdin.buffer)  # noqa: S301  our own parent wrote it
    try:
        result: object = check_share(order)
    except Exception as error:  # noqa: BLE001  the parent raises it
        result = error
    pickle.dump(result, answers)
    answers.flush()


if __name__ == "__main__":
    main()
