"""A whole import: read each file into staged rows, then merge them all at once.

Each file is a stage of its own, committed when it is staged; the merge is one transaction. Killed anywhere, the next
run of the same import goes on after the last finished stage, and ends as if nothing had happened.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from engine.facts.importing import stages
from engine.facts.importing.dirt import find_dirt
from engine.facts.importing.errors import MappingError, SourceError
from engine.facts.importing.final import AfterMerge, bump_customers, merge_all
from engine.facts.importing.load import load
from engine.facts.importing.mapping import Plan, TablePlan
from engine.facts.importing.reading_stage import Progress, read_file, read_lookups
from engine.facts.importing.refused_files import count_refused, write_refused
from engine.facts.importing.results import FileResult, Result, TableResult
from engine.facts.importing.source import Opened, check_columns, check_newest, digest, open_source
from engine.facts.importing.stages import Stage
from engine.facts.importing.staging import Connection, count_staged, create_refused, drop_staged
from engine.facts.pool import connect
from engine.language.issues import Report

_ATTEMPTS = 3
_MET_AN_EVENT = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, psycopg.errors.UniqueViolation)
# For one connection, a few sorts at a time: enough that a hundred thousand rows need no disk.
_SORT_MEMORY = "64MB"


@dataclass(frozen=True, slots=True)
class _Import:
    """What an import works on."""

    plan: Plan
    opened: Mapping[str, Opened]
    tables: tuple[TablePlan, ...]
    source: Path
    digest: str
    directory: Path
    dry_run: bool
    progress: Progress
    after_merge: AfterMerge | None


def run(  # noqa: PLR0913 - each is one thing that a caller decides
    connection_url: str,
    project_state_dir: Path,
    source: Path,
    mapping: Path,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    after_merge: AfterMerge | None = None,
    schema: str = "public",
) -> Result:
    """Imports a shop's files.

    Args:
        connection_url: of the database, migrated.
        project_state_dir: the project's `.regulars`; refused rows go to `imports/` in it.
        source: a directory of CSV files, or one file of the mapping.
        mapping: the mapping file.
        dry_run: do everything, but leave the facts as they were.
        progress: told what is done and how far it is.
        after_merge: called in the merge's transaction, before it is committed, with the temporary table
            `changed_orders(id bigint)` at hand: the orders that are new, or of which anything changed. Called again
            when the merge has to be tried again; what it did before was rolled back.
        schema: where the facts are.

    Raises:
        MappingError: the mapping is wrong or does not fit the files.
        SourceError: the source or one of its files cannot be read.
    """
    started = time.monotonic()
    plan, opened = check(source, mapping)
    whole = digest(plan, opened)
    work = _Import(
        plan=plan,
        opened=opened,
        # Of a single file only what comes from it; others may be open to look something up in them.
        tables=tuple(table for table in plan.tables if table.file in opened and _is_in(source, opened[table.file])),
        source=source,
        # A dry run leaves no trace, so it must not take the place of a real one.
        digest=f"dry-{whole}" if dry_run else whole,
        directory=project_state_dir / "imports" / whole[:12],
        dry_run=dry_run,
        progress=progress or _silent,
        after_merge=after_merge,
    )
    with _connected(connection_url, schema) as connection:
        _take_turn(connection, work)
        resumed = _stage_files(connection, work)
        return _finish(connection, work, resumed, started)


def check(source: Path, mapping: Path) -> tuple[Plan, dict[str, Opened]]:
    """The mapping, and the files of the source that it names, once they fit each other; nothing is imported.

    Raises:
        MappingError: the mapping is wrong or does not fit the files.
        SourceError: the source or one of its files cannot be read.
    """
    plan = load(mapping)
    report = Report(str(mapping))
    opened = open_source(plan, source, report)
    check_columns(plan, opened, report)
    check_newest(plan, opened, report)
    if report.issues:
        raise MappingError(report.issues, plan.text)
    return plan, opened


def _is_in(source: Path, opened: Opened) -> bool:
    return source.is_dir() or opened.path == source


def _silent(_what: str, _done: int, _of: int) -> None:
    """Nobody wants to know."""


@contextmanager
def _connected(url: str, schema: str) -> Iterator[Connection]:
    with connect(url, schema) as connection:
        # The server stops a killed import's statement at once, so that the next one need not wait for its end.
        connection.execute("select set_config('client_connection_check_interval', '500ms', false)")
        connection.execute(
            "select set_config('work_mem', %(memory)s, false), set_config('temp_buffers', %(memory)s, false)",
            {"memory": _SORT_MEMORY},
        )
        connection.commit()
        yield connection


def _take_turn(connection: Connection, work: _Import) -> None:
    if not stages.lock(connection):
        connection.commit()
        work.progress("wait for another import to end", 0, 0)
        stages.wait_for_lock(connection)
    connection.commit()


def _stage_files(connection: Connection, work: _Import) -> set[str]:
    """Stages every file that is not staged yet, each in its own transaction; returns those that were."""
    known = stages.finished(connection, work.digest)
    if not known:
        stages.forget(connection, work.digest)
        drop_staged(connection)
    drop_staged(connection, keep=work.digest)
    create_refused(connection, work.digest)
    connection.commit()
    lookups = read_lookups(work.plan, work.opened)
    resumed = set()
    for alias in dict.fromkeys(table.file for table in work.tables):
        if _is_staged(connection, work, alias, known):
            resumed.add(alias)
            continue
        started = datetime.now(UTC)
        read = read_file(connection, work.digest, work.plan, work.opened[alias], lookups, work.progress)
        stage = Stage(f"read {alias}", read.rows, sum(_staged(connection, work, alias) or ()), read.refused)
        stages.record(connection, work.digest, str(work.source), stage, started)
        connection.commit()
    return resumed


def _staged(connection: Connection, work: _Import, alias: str) -> list[int] | None:
    relations = [table.target.name for table in work.tables if table.file == alias]
    return count_staged(connection, work.digest, relations)


def _is_staged(connection: Connection, work: _Import, alias: str, known: Mapping[str, Stage]) -> bool:
    """Whether the file was staged, and its rows are still there: a crash of the server empties unlogged tables."""
    stage = known.get(f"read {alias}")
    if stage is None:
        return False
    counts = _staged(connection, work, alias)
    refused = count_refused(connection, work.digest).get(alias, (0, 0))[0]
    return counts is not None and sum(counts) == stage.rows_taken and refused == stage.rows_refused


def _finish(connection: Connection, work: _Import, resumed: set[str], started: float) -> Result:
    """The merge; tried again where a live event came in between."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _merge(connection, work, resumed, started)
        except _MET_AN_EVENT as error:
            connection.rollback()
            if attempt == _ATTEMPTS:
                detail = error.diag.message_detail or str(error)
                hint = "run the import again; if it ends so again, two rows have one key that only one may have"
                raise SourceError("merge-stopped", str(work.source), detail, "rows that can be merged", hint) from None
    raise AssertionError("unreachable")


def _merge(connection: Connection, work: _Import, resumed: set[str], started: float) -> Result:
    began = datetime.now(UTC)
    scope, tables = merge_all(connection, work.digest, work.plan, work.tables, work.progress)
    bump_customers(connection)
    row = connection.execute("select count(*) from changed_orders").fetchone()
    if work.after_merge is not None:
        work.progress("tell open journeys", 0, 0)
        work.after_merge(connection)
    work.progress("look for dirt", 0, 0)
    delivered = next((table.delivered_status for table in work.tables if table.delivered_status), None)
    dirt = find_dirt(connection, scope.shop_id, work.plan.shop.zone, delivered)
    files = _file_results(connection, work, resumed)
    result = Result(
        digest=work.digest,
        shop=work.plan.shop.key,
        currency=work.plan.shop.currency,
        dry_run=work.dry_run,
        files=files,
        tables=tuple(tables),
        dirt=dirt,
        orders_changed=row[0] if row else 0,
        seconds=time.monotonic() - started,
    )
    _conclude(connection, work, result.tables, began)
    return result


def _conclude(connection: Connection, work: _Import, tables: Sequence[TableResult], began: datetime) -> None:
    if work.dry_run:
        connection.rollback()
        stages.forget(connection, work.digest)
    else:
        for table in tables:
            stage = Stage(f"merge {table.relation}", table.rows, table.new + table.changed, table.refused)
            stages.record(connection, work.digest, str(work.source), stage, began, table.amount)
        taken = sum(table.new + table.changed for table in tables)
        total = Stage(stages.DONE, sum(table.rows for table in tables), taken, sum(table.refused for table in tables))
        stages.record(connection, work.digest, str(work.source), total, began)
    drop_staged(connection)
    work.progress("commit", 0, 0)
    connection.commit()


def _file_results(connection: Connection, work: _Import, resumed: set[str]) -> tuple[FileResult, ...]:
    staged = stages.finished(connection, work.digest)
    used = {alias: work.opened[alias] for alias in dict.fromkeys(table.file for table in work.tables)}
    counts = count_refused(connection, work.digest)
    written = write_refused(connection, work.digest, used, work.directory)
    return tuple(
        FileResult(
            alias=alias,
            name=opened.path.name,
            rows=staged[f"read {alias}"].rows_read,
            refused=counts.get(alias, (0, 0))[0],
            lost_cells=counts.get(alias, (0, 0))[1],
            refused_file=written.get(alias),
            resumed=alias in resumed,
        )
        for alias, opened in used.items()
    )
