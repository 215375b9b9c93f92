"""
The most memory that one way takes in a fresh process, in megabytes over an idle interpreter.

``python -m benchmarks.memory WAY FOLDER COUNT`` does the work COUNT times and prints the figure. The idle
interpreter has pyarrow loaded, and pandas, which pyarrow imports where it is installed.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from benchmarks.packages import Package

_LIBRARIES = ("pyarrow", "pyarrow.compute", "pyarrow.json", "pyarrow.parquet")
WAYS = {
    "ours": "benchmarks.ours:metadata_to_parquet",
    "ours, everything": "benchmarks.ours:everything_to_parquet",
    "ksef-client, untyped": "benchmarks.with_ksef_client:metadata_to_parquet",
    "ksef-client, typed": "benchmarks.with_ksef_client:typed_metadata_to_parquet",
    "ksef-client, everything": "benchmarks.with_ksef_client:everything_to_parquet",
    "ksef2": "benchmarks.with_ksef2:metadata_to_parquet",
}


def measure(way: str, package: Path, count: int = 1) -> float:
    """Measure in a fresh process."""
    print(f"memory of {way}, {count} x {package.name}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", __name__, way, str(package), str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    way, folder, count = sys.argv[1:]
    module, name = WAYS[way].split(":")
    for library in _LIBRARIES:
        importlib.import_module(library)
    pa.array([1])  # imports pandas where it is installed
    idle = resident()
    work = getattr(importlib.import_module(module), name)
    package = Package.read(Path(folder))
    with tempfile.TemporaryDirectory() as target:
        for _ in range(int(count)):
            work(package, Path(target) / "out.parquet")
    print(round(most_resident() - idle, 1))


def most_resident() -> float:
    """The most that this process ever held, in megabytes; ``ru_maxrss`` would count the parent's, too."""
    return _status("VmHWM")


def resident() -> float:
    """What this process holds, in megabytes."""
    return _status("VmRSS")


def _status(name: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(each for each in status.splitlines() if each.startswith(name))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
