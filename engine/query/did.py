"""Questions to the events (`did`) answered for everybody, as the closures of `engine.conditions.compile` answer one.

The statements make the tables that those of standing and of flips need: ANSWERS (`customer`, `question`: who is
answered yes to which, by its place) and EVENT_FLIPS (`customer`, `instant`: the earliest after the decision's own at
which an answer may change). They read `told_events`, and of each kind of event the relation that tells it.
"""

from collections.abc import Iterator, Sequence

from engine.conditions.ast import Did, names
from engine.query import sql
from engine.query.attributes import Statement
from engine.query.conditions import Column, ConditionWriter
from engine.query.flips import EVENT_FLIPS
from engine.query.happenings import EventCatalogue, compile_happenings
from engine.query.standing import ANSWERS

_SECOND = 1_000_000
_FURTHEST = 2**62


def compile_answers(questions: Sequence[Did], catalogue: EventCatalogue, at: int) -> list[Statement]:
    """The statements, in the order in which they are to be executed.

    Args:
        questions: a question's number is its place, as in `engine.query.standing.questions`.
        catalogue: of the events.
        at: the instant, in microseconds since the epoch.

    Raises:
        ValueError: a question's condition cannot be asked of an event.
    """
    made = [
        _plain(f"CREATE OR REPLACE TEMP TABLE {ANSWERS} (customer BIGINT, question INTEGER)"),
        _plain(f"CREATE OR REPLACE TEMP TABLE {EVENT_FLIPS} (customer BIGINT, instant BIGINT)"),
    ]
    for number, kind in enumerate(dict.fromkeys(each.event for each in questions)):
        asked = [(place, each) for place, each in enumerate(questions) if each.event == kind]
        made += _of_kind(kind, f"events {number}", asked, catalogue, at)
    return made


def _wanted(questions: Sequence[Did]) -> dict[str, list[str]]:
    """The fields that are asked for of each kind."""
    found: dict[str, set[str]] = {}
    for each in questions:
        found.setdefault(each.event, set()).update(names(each.where) if each.where is not None else ())
    return {kind: sorted(fields) for kind, fields in found.items()}


def _of_kind(
    kind: str, table: str, asked: Sequence[tuple[int, Did]], catalogue: EventCatalogue, at: int
) -> Iterator[Statement]:
    windows = [_window(question) for _, question in asked]
    since = None if None in windows else at - max(each for each in windows if each is not None)
    questions = [question for _, question in asked]
    happened = compile_happenings(kind, table, _wanted(questions)[kind], catalogue, since)
    yield happened
    for place, question in asked:
        yield _plain(_answer(place, question, table, happened, catalogue, at))
    yield _plain(_flips(table, windows, at))
    yield _plain(f"DROP TABLE {sql.name(table)}")


def _answer(place: int, question: Did, table: str, happened: Statement, catalogue: EventCatalogue, at: int) -> str:
    if question.times < 1:
        return f"INSERT INTO {ANSWERS} SELECT customer, {place} FROM people"
    tests = [f'"@at" <= {sql.whole(at)}']
    if (window := _window(question)) is not None:
        tests.append(f'"@at" > {sql.whole(at - window)}')
    if question.where is not None:
        columns = {name: Column(f'"e".{each.sql}', each.type) for name, each in happened.columns.items()}
        tests.append(ConditionWriter(columns.get, currency=catalogue.currency).write(question.where))
    often = f" HAVING count(*) >= {sql.whole(question.times)}" if question.times > 1 else ""
    where = sql.both(tests)
    return (
        f'INSERT INTO {ANSWERS} SELECT customer, {place} FROM {sql.name(table)} AS "e" WHERE {where}'
        f" GROUP BY customer{often}"
    )


def _flips(table: str, windows: Sequence[int | None], at: int) -> str:
    """An event that lies ahead comes true, one that lies in a window leaves it."""
    turns = [
        '"@at"',
        *(f'"@at" + {sql.whole(each)}' for each in sorted({each for each in windows if each is not None})),
    ]
    ahead = [f"CASE WHEN {each} > {sql.whole(at)} THEN {each} END" for each in turns]
    earliest = ahead[0] if len(ahead) == 1 else f"least({', '.join(ahead)})"
    select = f"SELECT customer, min({earliest}) AS instant FROM {sql.name(table)} GROUP BY customer"
    return f"INSERT INTO {EVENT_FLIPS} SELECT customer, instant FROM ({select}) WHERE instant IS NOT NULL"


def _window(question: Did) -> int | None:
    return None if question.within_seconds is None else min(question.within_seconds * _SECOND, _FURTHEST)


def _plain(text: str) -> Statement:
    return Statement(text, {}, {}, ())
