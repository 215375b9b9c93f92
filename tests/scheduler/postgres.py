"""A PostgreSQL of one's own, made of Debian's programs, on a socket in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OWNER = "airflow"
DATABASE = "airflow"
UNPRIVILEGED = ("postgres", "nobody")
START_SECONDS = 60


def programs() -> Path | None:
    """Give the folder of PostgreSQL's programs, the newest version's; None where there are none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def server_user() -> str | None:
    """Give whom the server runs as: root must not; None for whoever runs the tests."""
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)


def why_not() -> str | None:
    """Say why there can be no PostgreSQL here; None where there can."""
    if programs() is None:
        return "PostgreSQL's programs are missing (Debian: apt-get install postgresql)"
    missing = [name for name in ("asyncpg", "psycopg2") if find_spec(name) is None]
    return f"the extra 'system' is not installed: {', '.join(missing)}" if missing else None


@dataclass(frozen=True)
class Postgres:
    """
    A running server.

    :param folder: its socket lies here, its data below.
    """

    folder: Path

    @property
    def url(self) -> str:
        """How SQLAlchemy names the database."""
        return f"postgresql+psycopg2://{OWNER}@/{DATABASE}?host={self.folder}"

    @property
    def dsn(self) -> str:
        """How libpq names it."""
        return f"host={self.folder} user={OWNER} dbname={DATABASE}"

    def dump(self) -> bytes:
        """Give everything that the database holds, as SQL."""
        command = [_program("pg_dump"), "--inserts", "-d", self.dsn]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def stop(self) -> None:
        """End the server and leave nothing behind."""
        self._control("stop", "-m", "immediate")
        shutil.rmtree(self.folder)

    def start(self) -> None:
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-sync")
        quick = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
        self._control("start", "-t", str(START_SECONDS), "-o", f"-k {self.folder} -h '' {quick}")
        self._run("createdb", "-h", str(self.folder), "-U", OWNER, DATABASE)

    def _control(self, action: str, *arguments: str) -> None:
        log = str(self.folder / "log")
        self._run("pg_ctl", action, "-D", str(self.folder / "data"), "-w", "-l", log, *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        user = server_user()
        quiet = subprocess.DEVNULL
        subprocess.run(
            [_program(program), *arguments],
            check=True,
            user=user,
            extra_groups=None if user is None else [],
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            cwd=self.folder,
            stdout=quiet,
        )


def start_postgres() -> Postgres:
    """Make a database and serve it."""
    folder = Path(tempfile.mkdtemp(prefix="ksef-postgres-"))
    folder.chmod(0o755)
    if user := server_user():
        shutil.chown(folder, user)
    server = Postgres(folder)
    server.start()
    return server


def _program(name: str) -> str:
    folder = programs()
    assert folder is not None
    return str(folder / name)
