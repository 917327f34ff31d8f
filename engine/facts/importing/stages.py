"""The state of an import in the table `imports`: which stage of which import is done, so that a killed one goes on."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg.rows import class_row

from engine.facts.importing.staging import Connection

DONE = "done"


@dataclass(frozen=True, slots=True)
class Stage:
    """One finished stage."""

    stage: str
    rows_read: int
    rows_taken: int
    rows_refused: int


def lock(connection: Connection) -> bool:
    """Takes the right to import into this schema until the connection ends; False if another import has it."""
    row = connection.execute(f"select pg_try_advisory_lock({_LOCK})").fetchone()
    return bool(row and row[0])


def wait_for_lock(connection: Connection) -> None:
    """As `lock`, after the other import's end."""
    connection.execute(f"select pg_advisory_lock({_LOCK})")


_LOCK = "hashtextextended('import ' || current_database() || '.' || current_schema(), 0)"


def finished(connection: Connection, digest: str) -> dict[str, Stage]:
    """The finished stages of an import that has not come to its end; nothing of one that has."""
    with connection.cursor(row_factory=class_row(Stage)) as cursor:
        stages = cursor.execute(
            "select stage, rows_read, rows_taken, rows_refused from imports"
            " where digest = %s and finished_at is not null",
            [digest],
        ).fetchall()
    by_name = {stage.stage: stage for stage in stages}
    return {} if DONE in by_name else by_name


def forget(connection: Connection, digest: str) -> None:
    """Forgets what an earlier run of the same import did."""
    connection.execute("delete from imports where digest = %s", [digest])


def record(
    connection: Connection, digest: str, source: str, stage: Stage, started_at: datetime, amount: Decimal | None = None
) -> None:
    """Notes that a stage is finished."""
    connection.execute(
        "insert into imports (source, digest, stage, rows_read, rows_taken, rows_refused, amount, started_at,"
        " finished_at) values (%(source)s, %(digest)s, %(stage)s, %(read)s, %(taken)s, %(refused)s, %(amount)s,"
        " %(started)s, clock_timestamp()) on conflict (digest, stage) do update set source = excluded.source,"
        " rows_read = excluded.rows_read, rows_taken = excluded.rows_taken, rows_refused = excluded.rows_refused,"
        " amount = excluded.amount, started_at = excluded.started_at, finished_at = excluded.finished_at",
        {
            "source": source,
            "digest": digest,
            "stage": stage.stage,
            "read": stage.rows_read,
            "taken": stage.rows_taken,
            "refused": stage.rows_refused,
            "amount": amount,
            "started": started_at,
        },
    )
