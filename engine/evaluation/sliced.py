"""An evaluation of everybody in slices: each worker takes one at a time, in any order, and again after a kill.

A slice holds the customers whose number, divided by how many slices there are, leaves the slice's own. What a slice
has come to is in its row, written in the transaction that writes the standings of a chunk: whoever takes the slice up
goes on after that chunk, and nobody is judged, counted or started twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions, publish
from engine.evaluation.columns import Columns
from engine.evaluation.finish import finish
from engine.evaluation.processes import CHUNK
from engine.evaluation.work import Order, Tally, Work
from engine.facts.currency import reporting_currency
from engine.facts.standing import Published, publish_cut_offs
from engine.language.rules import Rules
from engine.standing.cut_offs import CutOffs

Connection = psycopg.Connection[Any]
Alive = Callable[[], bool]
"""Whether the work may go on; asked after each chunk."""

_RUN = "select * from evaluation_runs where id = %s"
_OF_SLICE = "select id from customers where mod(id, %(of)s) = %(number)s and id > %(after)s order by id limit %(limit)s"


class StoppedError(Exception):
    """The work was told to stop; what has been done is kept."""


class OvertakenError(Exception):
    """Somebody else has gone on with the slice meanwhile."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come: customers judged, of how many; 0 as long as nobody has counted them."""

    judged: int
    customers: int
    ended: bool


@dataclass(frozen=True)
class Found:
    """What a run has come to."""

    tally: Tally
    cut_offs: CutOffs
    seconds: float
    held: int


def begin_run(
    connection: Connection, rules: Rules, as_of: datetime, now: datetime, slices: int, *, start_existing: bool = False
) -> int:
    """Notes a run and gives its number; that of one which is under way with the same rules. The caller commits.

    Raises:
        CurrencyUnclearError: shops have several currencies and the policy names none.
    """
    reporting_currency(connection, rules.policy.currency)
    publish(connection, rules)
    connection.execute("select pg_advisory_xact_lock(hashtext('regulars.evaluation'), hashtext(current_schema()))")
    going = connection.execute(
        "select id from evaluation_runs where version = %s and start_existing = %s and ended_at is null order by id",
        (rules.version, start_existing),
    ).fetchone()
    if going is not None:
        return int(going[0])
    row = connection.execute(
        """insert into evaluation_runs (version, as_of, told_at, slices, start_existing)
           values (%s, %s, %s, %s, %s) returning id""",
        (rules.version, as_of, now, slices, start_existing),
    ).fetchone()
    assert row is not None
    connection.execute(
        "insert into evaluation_slices (run_id, number) select %s, generate_series(0, %s)", (row[0], slices - 1)
    )
    return int(row[0])


def give_up(connection: Connection, run: int) -> None:
    """Notes that nobody goes on with a run: whoever evaluates next begins another. The caller commits."""
    connection.execute(
        "update evaluation_runs set ended_at = coalesce(ended_at, clock_timestamp()) where id = %s", (run,)
    )


def slices_of(connection: Connection, run: int) -> int:
    """How many slices a run has."""
    return int(_run(connection, run)["slices"])


def progress(connection: Connection, run: int) -> Progress:
    """How far a run has come."""
    row = connection.execute(
        """select coalesce(sum((s.tally->>'customers')::bigint), 0), coalesce(sum(s.customers), 0),
                  r.ended_at is not null
             from evaluation_runs r join evaluation_slices s on s.run_id = r.id where r.id = %s group by r.id""",
        (run,),
    ).fetchone()
    return Progress(0, 0, ended=False) if row is None else Progress(int(row[0]), int(row[1]), ended=row[2])


def found(connection: Connection, run: int) -> Found:
    """What a run has come to."""
    row = _run(connection, run)
    tally = Tally()
    for number, told in _tallies(connection, run):
        tally.add(Tally.from_json(told, number))
    seconds = ((row["ended_at"] or row["recorded_at"]) - row["recorded_at"]).total_seconds()
    published = _published(connection, row["cut_offs_id"])
    return Found(tally, published.values if published else CutOffs(), seconds, row["held"])


@dataclass(frozen=True)
class Slices:
    """The work of one worker at the slices of a run, over one connection that is in no transaction.

    Args:
        connection: to the facts.
        versions: of the rules.
        run: the run's number.
        alive: whether to go on.
    """

    connection: Connection
    versions: StoredVersions
    run: int
    alive: Alive = lambda: True

    def gather(self, number: int) -> None:
        """Counts a slice's customers and keeps the values that cut-offs are computed from."""
        columns, customers = Columns(), 0
        row, work = self._work()
        after = 0
        while ids := self._ids(row, number, after):
            columns.add(work.columns(ids))
            customers, after = customers + len(ids), ids[-1]
            self._go_on()
        with self.connection.transaction():
            self.connection.execute(
                "update evaluation_slices set customers = %s, columns = %s where run_id = %s and number = %s",
                (customers, columns.to_bytes(), self.run, number),
            )

    def publish(self) -> None:
        """Publishes the cut-offs of all slices' values together, once."""
        with self.connection.transaction():
            row = self._locked()
            if row["cut_offs_id"] is not None:
                return
            columns = Columns()
            for (kept,) in self.connection.execute(
                "select columns from evaluation_slices where run_id = %s order by number", (self.run,)
            ).fetchall():
                columns.add(Columns.from_bytes(kept))
            rules, currency = self._rules(row)
            standings = Standings(rules, self.versions, currency)
            published = publish_cut_offs(
                self.connection, rules.version, row["as_of"], columns.cut_offs(rules.standing), standings.digests
            )
            self.connection.execute(
                "update evaluation_runs set cut_offs_id = %s where id = %s", (published.id, self.run)
            )
            self.connection.execute("update evaluation_slices set columns = null where run_id = %s", (self.run,))

    def judge(self, number: int) -> None:
        """Judges a slice's customers and stores their standing, from where it was left off.

        Raises:
            StoppedError: it was told to stop.
            OvertakenError: another worker goes on with it.
            MovedOnError: other rules have come into force meanwhile, so nobody may go on with the run.
        """
        row, work = self._work()
        with self.connection.transaction():
            published = _published(self.connection, row["cut_offs_id"])
            after, tally = self._left_off(number)
        while ids := self._ids(row, number, after):
            tally.add(work.judge(ids, published, self._noting(number, after, ids[-1], tally)))
            after = ids[-1]
            self._go_on()
        with self.connection.transaction():
            self.connection.execute(
                "update evaluation_slices set ended_at = coalesce(ended_at, clock_timestamp())"
                " where run_id = %s and number = %s",
                (self.run, number),
            )

    def finish(self) -> None:
        """Starts the journeys, unless they are too many at once, and notes that everybody has been judged."""
        with self.connection.transaction():
            row = self._locked()
            rules, currency = self._rules(row)
            started = [each for _, told in _tallies(self.connection, self.run) for each in told["started"]]
        held = finish(
            self.connection, rules, currency, cut_offs=row["cut_offs_id"], journeys=started, at=row["told_at"]
        )
        with self.connection.transaction():
            self.connection.execute(
                "update evaluation_runs set ended_at = coalesce(ended_at, clock_timestamp()), held = %s where id = %s",
                (held, self.run),
            )

    def _noting(self, number: int, after: int, last: int, so_far: Tally) -> Callable[[Connection, Tally], None]:
        def note(connection: Connection, chunk: Tally) -> None:
            whole = Tally()
            whole.add(so_far)
            whole.add(chunk)
            moved = connection.execute(
                "update evaluation_slices set after = %s, tally = %s where run_id = %s and number = %s and after = %s",
                (last, Jsonb(whole.to_json()), self.run, number, after),
            ).rowcount
            if not moved:
                raise OvertakenError(f"slice {number} of run {self.run} has been taken up by another worker")

        return note

    def _go_on(self) -> None:
        if not self.alive():
            raise StoppedError

    def _ids(self, row: dict[str, Any], number: int, after: int) -> Sequence[int]:
        asked = {"of": row["slices"], "number": number, "after": after, "limit": CHUNK}
        with self.connection.transaction():
            return [each for (each,) in self.connection.execute(_OF_SLICE, asked).fetchall()]

    def _left_off(self, number: int) -> tuple[int, Tally]:
        row = self.connection.execute(
            "select after, tally from evaluation_slices where run_id = %s and number = %s", (self.run, number)
        ).fetchone()
        if row is None:
            raise LookupError(f"run {self.run} has no slice {number}")
        return row[0], Tally() if row[1] is None else Tally.from_json(row[1])

    def _work(self) -> tuple[dict[str, Any], Work]:
        with self.connection.transaction():
            row = _run(self.connection, self.run)
            rules, currency = self._rules(row)
        order = Order(rules, currency, row["as_of"], row["told_at"], write=True, start_existing=row["start_existing"])
        return row, Work(self.connection, order)

    def _rules(self, row: dict[str, Any]) -> tuple[Rules, str | None]:
        rules = self.versions.get(self.connection, row["version"])
        return rules, reporting_currency(self.connection, rules.policy.currency)

    def _locked(self) -> dict[str, Any]:
        return _run(self.connection, self.run, " for update")


def _run(connection: Connection, run: int, more: str = "") -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_RUN + more, (run,)).fetchone()
    if row is None:
        raise LookupError(f"there is no evaluation {run}")
    return row


def _tallies(connection: Connection, run: int) -> list[tuple[int, dict[str, Any]]]:
    query = "select number, tally from evaluation_slices where run_id = %s and tally is not null order by number"
    return connection.execute(query, (run,)).fetchall()


def _published(connection: Connection, number: int | None) -> Published | None:
    row = connection.execute('select id, "values" from cut_offs where id = %s', (number,)).fetchone()
    return None if row is None else Published(row[0], CutOffs.from_json(row[1]), row[1].get("digests", {}))
