"""The import of Olist against a bare COPY of the same rows, in the same run: `make bench NAME=import`.

The bare COPY puts the final rows into tables of the same shape, with the same primary keys, unique constraints and
indexes. The import is the command itself, a process of its own whose greatest resident memory the system reports.
Both are done twice, by turns, and the shorter time counts for both: other work on the machine comes and goes.
"""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from bench.databases import olist_directory
from bench.figures import BENCH, ROOT, Figure, show
from engine.facts.importing.targets import targets
from engine.facts.migrate import upgrade

TIMES_A_COPY = 6
PEAK_MB = 500
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Run:
    """One run of the command: its wall time, its peak of memory and what its last line says."""

    seconds: float
    peak_mb: float
    said: str


def main() -> int:
    """Measures and prints; 1 if a bound does not hold, 3 if the data or a server is missing."""
    olist = olist_directory()
    if olist is None:
        return 3
    server = os.environ.get("REGULARS_DATABASE_URL")
    if server is None:
        return _again_with_a_server()
    return show("import", _in_a_database(server, str(olist)))


def _again_with_a_server() -> int:
    own = [
        sys.executable,
        "-m",
        "engine.servers",
        "--postgres",
        "--free-ports",
        "--state",
        str(BENCH / "state"),
    ]
    return subprocess.run([*own, "--", sys.executable, __file__], cwd=ROOT, check=False).returncode


def _in_a_database(server: str, source: str) -> list[Figure]:
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            return _measure(make_url(server).set(database=name).render_as_string(hide_password=False), source)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _measure(url: str, source: str) -> list[Figure]:
    upgrade(url)
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory)
        (project / "regulars.toml").write_text('[project]\nrules = "rules"\n')
        runs, copies = [], []
        for _ in range(2):
            _empty(url)
            runs.append(_import(url, source, project))
            copies.append(_bare_copy(url, _taken_out(url, project)))
        second = _import(url, source, project)
    first, bare = min(runs, key=lambda run: run.seconds), min(copies)
    print(*(run.said for run in (*runs, second)), sep="\n")
    return [
        Figure("bare COPY of the same rows, seconds", round(bare, 2)),
        Figure("import, seconds", round(first.seconds, 2)),
        Figure("import, times a bare COPY", round(first.seconds / bare, 2), at_most=TIMES_A_COPY),
        Figure("peak memory of the import, MB", round(max(run.peak_mb for run in (*runs, second)), 1), at_most=PEAK_MB),
        Figure("second import of the same files, seconds", round(second.seconds, 2)),
        Figure("rows new or changed by the second import", _taken(second.said), at_most=0),
    ]


def _import(url: str, source: str, project: Path) -> Run:
    command = [sys.executable, "-m", "engine.cli", "import", source, "--project", str(project)]
    command += ["--mapping", str(ROOT / "examples" / "olist" / "mapping.yaml")]
    started = time.monotonic()
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "REGULARS_DATABASE_URL": url}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        # Popen's own wait keeps no account of memory.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode != 0:
        sys.exit(process.returncode)
    return Run(seconds, used.ru_maxrss / 1024, said.strip().splitlines()[-1])


def _taken(said: str) -> int:
    """New and changed rows, from `547,593 rows read, 0 new, 0 changed, 0 refused; ...`."""
    words = said.replace(",", "").split()
    return int(words[words.index("new") - 1]) + int(words[words.index("changed") - 1])


def _taken_out(url: str, directory: Path) -> dict[str, Path]:
    """The rows of every table that an import fills, each table in a file."""
    files = {}
    with psycopg.connect(url) as connection:
        for table in ("shops", *targets()):
            files[table] = directory / f"{table}.copy"
            statement = sql.SQL("copy {} to stdout").format(sql.Identifier(table))
            with connection.cursor().copy(statement) as copy, files[table].open("wb") as file:
                for block in copy:
                    file.write(block)
    return files


def _bare_copy(url: str, rows: dict[str, Path]) -> float:
    """Seconds that COPY takes for the rows, each table in its own transaction."""
    with psycopg.connect(url) as connection:
        connection.execute("create schema bare")
        for table in rows:
            shape = "create table bare.{} (like public.{} including all)"
            connection.execute(sql.SQL(shape).format(sql.Identifier(table), sql.Identifier(table)))
        connection.commit()
        started = time.monotonic()
        for table, path in rows.items():
            statement = sql.SQL("copy bare.{} from stdin").format(sql.Identifier(table))
            with connection.cursor().copy(statement) as copy, path.open("rb") as file:
                while block := file.read(_BLOCK):
                    copy.write(block)
            connection.commit()
        seconds = time.monotonic() - started
        connection.execute("drop schema bare cascade")
    return seconds


def _empty(url: str) -> None:
    with psycopg.connect(url) as connection:
        names = sql.SQL(", ").join(sql.Identifier(table) for table in ("shops", "imports", *targets()))
        connection.execute(sql.SQL("truncate {} restart identity cascade").format(names))


if __name__ == "__main__":
    sys.exit(main())
