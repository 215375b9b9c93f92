"""The emulator's guide, followed to the letter: its commands run in their order, in one shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emulator_process import EmulatorProcess
from tests.official import CHECKOUT

GUIDE = CHECKOUT / "docs" / "emulator.md"
TOOLS = ("bash", "curl", "jq", "openssl")
ORIGIN = "http://127.0.0.1:8089"


def commands(origin: str) -> str:
    """All shell blocks of the guide as one script that ends at the first command that fails."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 15
    script = "\n".join(["set -euo pipefail", *blocks])
    return script.replace("curl -s", "curl -sS --fail-with-body").replace(ORIGIN, origin)


@pytest.mark.slow
def test_the_guide_works_from_top_to_bottom(
    emulators: Callable[..., EmulatorProcess], tmp_path: Path
) -> None:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    emulator = emulators()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "-c", commands(emulator.origin)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    assert "_metadata.json" in ended.stdout
