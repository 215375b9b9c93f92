"""
The program of a process that reads a share of documents: the order on stdin, the answer on stdout.

The order is read while everything heavy is imported, so that the parent need not wait for that.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_ksef.tables.staging import StagedDocuments


class WithoutPandas(MetaPathFinder):
    """pyarrow imports pandas for its first array where it finds it: half a second that nothing here needs."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Say that there is no pandas."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def main() -> None:
    """Read the share that comes in, and answer with what became of it, or with the error."""
    sys.meta_path.insert(0, WithoutPandas())
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(sys.stdin.buffer.read)
        from airflow_provider_ksef.tables.document_share import stage_share

        order = coming.result()
    result: StagedDocuments | Exception
    try:
        result = stage_share(pickle.loads(order))  # noqa: S301  our own parent wrote it
    except Exception as error:  # noqa: BLE001  the parent raises it
        result = error
    pickle.dump(result, answers)
    answers.flush()


if __name__ == "__main__":
    main()
