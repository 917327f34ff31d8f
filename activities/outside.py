"""Calls of anything outside: whether a call may be made, what has begun, and what became of it, each under its key.

The row of a call is written before it is made and again after it. So a call that has an answer is never made again, and
one that must be made once only is not repeated after a crash: it has failed, in doubt.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from activities.asking import asking
from activities.context import Connection, Context
from activities.journey_row import locked_journey, over
from engine.conditions.as_json import as_json
from engine.journeys.wire import Answer, CallRequest
from engine.messages.barred import barred
from engine.messages.decision import NotBefore
from engine.messages.record import end_journey

_WHOM = """
select c.key, c.email, c.phone, o.number, j.paused_at from journeys j
  join customers c on c.id = j.customer_id left join orders o on o.id = j.order_id
 where j.id = %s
"""
_CONTROLS = """
select playbook, state, at from playbook_controls where playbook in ('*', %s)
 order by state <> 'killed', playbook <> '*'
"""
_BEGIN = """
insert into calls (key, journey_id, customer_id, step, iteration, activity, state, at, attempts)
values (%(key)s, %(journey)s, %(customer)s, %(step)s, %(iteration)s, %(activity)s, %(state)s, %(at)s, 1)
on conflict (key) do update set state = excluded.state, at = excluded.at, attempts = calls.attempts + 1
"""
_FINISH = """
update calls set state = %(state)s, reason = %(reason)s, answer = %(answer)s, at = %(at)s
 where key = %(key)s and state in ('open', 'begun', 'skipped')
"""


Reach = Literal["inside", "given", "outside"]
"""How far what is done reaches: our own records, what a customer is given, somebody else's system."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A call that may be made. `given` has all values; what is not known is None."""

    key: str
    given: dict[str, Any]
    playbook: str
    customer: int
    customer_key: str
    order: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call. `answer` is what conditions can ask for; `reason` of anything but success."""

    state: Literal["done", "failed", "open"]
    reason: str | None = None
    answer: dict[str, Any] = field(default_factory=dict)


def begin(
    context: Context, connection: Connection, request: CallRequest, moment: datetime, reach: Reach = "outside"
) -> Begun | Answer:
    """Notes that a call is being made; or says what became of it, or why it is not made, or not before when.

    What stays `inside` is done also for who gets no messages. What is `given` to a customer is not, and like messages
    waits while the playbook is paused; in a replay it is given. Nobody `outside` is told in a replay.
    """
    journey = locked_journey(connection, request.journey)
    key = f"{journey['workflow_id']}/{request.step}/{request.iteration}"
    row = connection.execute("select state, reason, at from calls where key = %s", (key,)).fetchone()
    if row is not None and row[0] in {"done", "failed", "skipped"}:
        return Answer(row[2], row[0], row[1])
    if row is not None and row[0] == "begun" and request.once:
        return finish(connection, request, key, Outcome("failed", "in_doubt"), moment)
    stopped = over(context, connection, journey, moment)
    if stopped is not None:
        return Answer(moment, "skipped", "stopped", stopped=stopped)
    with connection.cursor(row_factory=dict_row) as cursor:
        whom = cursor.execute(_WHOM, (request.journey,)).fetchone()
    assert whom is not None  # it is locked
    if reach == "outside" and request.clock == "held":
        bar: Answer | str | None = "replayed"
    else:
        bar = None if reach == "inside" else _barred(context, connection, journey, whom, moment)
    if isinstance(bar, Answer):
        return bar
    noted = {
        "key": key,
        "journey": request.journey,
        "customer": journey["customer_id"],
        "step": request.step,
        "iteration": request.iteration,
        "activity": request.activity,
        "state": "skipped" if bar else "begun",
        "at": moment,
    }
    connection.execute(_BEGIN, noted)
    if bar is not None:
        return finish(connection, request, key, Outcome("done", bar), moment, skipped=True)
    given = {**request.given, **_looked_up(context, connection, request)}
    return Begun(key, given, journey["playbook"], journey["customer_id"], whom["key"], whom["number"])


def finish(
    connection: Connection, request: CallRequest, key: str, outcome: Outcome, moment: datetime, *, skipped: bool = False
) -> Answer:
    """Writes down what became of a call and, if it is the last step and has not failed, ends the journey with it."""
    state = "skipped" if skipped else outcome.state
    connection.execute(
        _FINISH,
        {"key": key, "state": state, "reason": outcome.reason, "answer": Jsonb(outcome.answer), "at": moment},
    )
    if request.ends is not None and state in {"done", "skipped"}:
        end_journey(connection, request.journey, "ended", request.ends, moment)
    return Answer(moment, state, outcome.reason)


def reopen(connection: Connection, key: str) -> None:
    """The call was surely not made: another attempt may make it, also where it must be made once only."""
    connection.execute("update calls set state = 'open' where key = %s and state = 'begun'", (key,))


def _barred(
    context: Context, connection: Connection, journey: dict[str, Any], whom: dict[str, Any], moment: datetime
) -> Answer | str | None:
    """Why nothing may be told or given, for good or until later: as with messages."""
    plan = context.versions.plan(connection, journey["version"], journey["playbook"])
    controls = connection.execute(_CONTROLS, (journey["playbook"],)).fetchall()
    found = barred(plan, context.policy, whom, controls, moment)
    return Answer(moment, "deferred", found.reason, found.until) if isinstance(found, NotBefore) else found


def _looked_up(context: Context, connection: Connection, request: CallRequest) -> dict[str, Any]:
    if not request.looked_up:
        return {}
    of = asking(context, connection, request.journey, request.at)
    types = of.evaluator.catalogue.types
    found = {key: (name, of.value(connection, name)) for key, name in request.looked_up.items()}
    return {key: as_json(value, types.get(name)) for key, (name, value) in found.items()}
