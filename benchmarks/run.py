"""
How fast this package is, beside the code that a user would write with others of the field.

``python -m benchmarks.run`` from the checkout makes an environment of its own (Python 3.12, since ksef2 needs
it) and packages of 10,000 invoices, runs every way in a fresh process, and prints medians of five. It takes
some twenty minutes on two cores, most of them for packing 2 GB by others. ``--only WORDS`` measures the rows
whose names have them, ``--json FILE`` writes ``[{"name", "ours_s", "peer", "peer_s", "ratio", "ours_mb",
"peer_mb"}]``. The exit code is 1 where a row misses its target.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from itertools import chain
from pathlib import Path

from benchmarks.environment import enter


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="measure the rows whose names have this text")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    parser.add_argument("--peers-python", help="a Python 3.12 or later to make the environment with")
    parser.add_argument("--rounds", type=int, default=5, help="medians of so many")
    parser.add_argument("--invoices", type=int, default=10_000, help="in each package")
    parser.add_argument("--least-lines", type=int, default=3, help="on each invoice")
    parser.add_argument(
        "--large-invoices", type=int, default=10_000, help="of 200 KB to pack; 0 leaves it out"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "ksef-benchmarks",
        help="where the environment and the packages are kept",
    )
    arguments = parser.parse_args()
    enter(arguments.folder, arguments.peers_python)

    from benchmarks.batches import make_batches
    from benchmarks.making import make_packages
    from benchmarks.packing_rows import packing_rows
    from benchmarks.rows import measured_rows

    packages = arguments.folder / f"packages-{arguments.invoices}-{arguments.least_lines}"
    make_packages(packages, arguments.invoices, arguments.least_lines)
    batches = arguments.folder / f"batches-{arguments.invoices}-{arguments.large_invoices}"
    make_batches(batches, arguments.invoices, arguments.large_invoices)
    rows = []
    for row in chain(
        measured_rows(packages, arguments.only, arguments.rounds),
        packing_rows(batches, arguments.only, arguments.rounds),
    ):
        print(row.as_text(), flush=True)
        rows.append(row)
    if arguments.json:
        arguments.json.write_text(json.dumps([row.as_json() for row in rows], indent=1), encoding="utf-8")
    missed = [row.name for row in rows if not row.holds]
    print(f"{len(rows) - len(missed)} of {len(rows)} rows hold their targets.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
