"""An environment of its own for the libraries that are compared, in one interpreter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_MARK = "KSEF_BENCHMARKS_ENVIRONMENT"
_PACKAGES = (
    "ksef-client[xml]==0.20.*",
    "ksef2==1.1.*",
    "pandas>=2.2",
    "pyarrow>=18",
    # what this package needs without Airflow, which no row touches
    "cryptography>=42",
    "httpx>=0.27",
    "isal>=1.7",
    "lxml>=5.3",
    "msgspec>=0.19",
    "pyrate-limiter>=4.5",
    "pyyaml>=6",
    "signxml>=4.0.4",
    "tenacity>=8.3",
    "universal-pathlib>=0.2.6",
    "zlib-ng>=1.0",
)


def enter(folder: Path, python312: str | None) -> None:
    """Go on in the environment, which is made by the given or a found Python where it is not there yet."""
    if os.environ.get(_MARK):
        return
    python = folder / "environment" / "bin" / "python"
    done = folder / "environment" / ".done"
    if not done.exists() or done.read_text(encoding="utf-8") != "\n".join(_PACKAGES):
        print(f"Making an environment in {folder} (a minute) ...", file=sys.stderr, flush=True)
        subprocess.run(
            [python312 or _python312(), "-m", "venv", "--clear", str(python.parent.parent)], check=True
        )
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *_PACKAGES], check=True)
        done.write_text("\n".join(_PACKAGES), encoding="utf-8")
    checkout = Path(__file__).parent.parent
    variables = {**os.environ, _MARK: "1", "PYTHONPATH": str(checkout)}
    command = [str(python), "-m", "benchmarks.run", *sys.argv[1:]]
    os.execve(python, command, variables)


def _python312() -> str:
    candidates = [
        sys.executable if sys.version_info[:2] == (3, 12) else None,
        *sorted(map(str, Path.home().glob(".pyenv/versions/3.12*/bin/python"))),
        shutil.which("python3.12"),
    ]
    for candidate in filter(None, candidates):
        asked = [candidate, "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 12))"]
        if subprocess.run(asked, check=False, capture_output=True).returncode == 0:
            return candidate
    sys.exit("ksef2 needs Python 3.12, and there is none: install it, or name it by --peers-python.")
