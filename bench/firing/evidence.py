"""What is kept of a run that broke a promise: the tables, the ledger, the workers' logs, and the violations."""

import csv
import shutil
from pathlib import Path

import psycopg
from psycopg import sql

from bench.firing.blaze import Ashes, Blaze

_TABLES = ("orders", "events", "journeys", "messages", "outbox", "tasks")


def keep(blaze: Blaze, ashes: Ashes | None, directory: Path) -> Path:
    """Copies it to the directory, which is made anew, and gives that."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(blaze.directory, directory)
    with psycopg.connect(blaze.ground.url) as connection:
        for table in _TABLES:
            rows = connection.execute(sql.SQL("select * from {} order by 1").format(sql.Identifier(table)))
            with (directory / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow([column.name for column in rows.description or ()])
                writer.writerows(rows)
    if blaze.servers.temporal.log.is_file():
        shutil.copy(blaze.servers.temporal.log, directory / "temporal.log")
    lines = [f"{each.promise}: {each.of}" for each in ashes.verdict.violations] if ashes else []
    lines += ashes.crew.deserters if ashes else []
    (directory / "violations.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return directory
