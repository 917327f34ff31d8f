"""Calls of anything outside: whether a call may be made, what has begun, and what became of it, each under its key.

The row of a call is written before it is made and again after it; of one that a pause holds back it is open, with the
reason, and its instant is when it is asked for again. So a call that has an answer is never made again, and
one that must be made once only is not repeated after a crash: it has failed, in doubt.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from activities.asking import asking
from activities.context import Connection, Context
from activities.journey_row import locked_journey, over
from engine.conditions.operands import instant
from engine.conditions.types import Type, Value
from engine.journeys.wire import Answer, CallRequest
from engine.messages.decision import status_in_force
from engine.messages.holdout import kept_out
from engine.messages.patience import after_pause
from engine.messages.record import end_journey

_WHOM = """
select c.key, c.email, c.phone, o.number, j.paused_at from journeys j
  join customers c on c.id = j.customer_id left join orders o on o.id = j.order_id
 where j.id = %s
"""
_CONTROLS = """
select playbook, state, at from playbook_controls where playbook in ('*', %s)
 order by state <> 'killed', playbook <> '*' for share
"""
_NOTE = """
insert into calls (key, journey_id, customer_id, step, iteration, activity, state, reason, at, attempts)
values (%(key)s, %(journey)s, %(customer)s, %(step)s, %(iteration)s, %(activity)s, %(state)s, %(reason)s, %(at)s,
        %(attempts)s)
on conflict (key) do update set state = excluded.state, reason = excluded.reason, at = excluded.at,
                                attempts = calls.attempts + excluded.attempts
"""
_FOUND = "select state, reason, at, recorded_at from calls where key = %s"
_DROP = "update calls set state = 'skipped', reason = 'stopped', at = %s where key = %s and state = 'open'"
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
    key = _key(journey, request)
    known = connection.execute(_FOUND, (key,)).fetchone()
    settled = _settled(context, connection, request, journey, known, moment)
    if settled is not None:
        return settled
    with connection.cursor(row_factory=dict_row) as cursor:
        whom = cursor.execute(_WHOM, (request.journey,)).fetchone()
    assert whom is not None  # it is locked
    since = request.at if known is None or request.clock == "held" else known[3]
    if reach == "outside" and request.clock == "held" and not context.calls_while_held:
        barred: Answer | str | None = "replayed"
    else:
        barred = None if reach == "inside" else _barred(context, connection, journey, whom, moment, since)
    if isinstance(barred, Answer):
        _note(connection, request, journey, "open", barred.until, barred.reason, attempts=0)
        return barred
    _note(connection, request, journey, "skipped" if barred else "begun", moment)
    if barred is not None:
        return finish(connection, request, key, Outcome("done", barred), moment, skipped=True)
    given = {**request.given, **_looked_up(context, connection, request)}
    return Begun(key, given, journey["playbook"], journey["customer_id"], whom["key"], whom["number"])


def _settled(
    context: Context,
    connection: Connection,
    request: CallRequest,
    journey: dict[str, Any],
    known: tuple[Any, ...] | None,
    moment: datetime,
) -> Answer | None:
    """What has become of the call already, or that its journey is over."""
    key = _key(journey, request)
    state, reason, at = known[:3] if known is not None else (None, None, moment)
    if state in {"done", "failed"} or (state == "skipped" and journey["state"] not in {"stopped", "cancelled"}):
        return Answer(at, state, reason)
    if state == "begun" and request.once:
        return finish(connection, request, key, Outcome("failed", "in_doubt"), moment)
    stopped = over(context, connection, journey, moment)
    if stopped is None:
        return None
    connection.execute(_DROP, (moment, key))
    return Answer(moment, "skipped", "stopped", stopped=stopped)


def _key(journey: dict[str, Any], request: CallRequest) -> str:
    return f"{journey['workflow_id']}/{request.step}/{request.iteration}"


def _note(
    connection: Connection,
    request: CallRequest,
    journey: dict[str, Any],
    state: str,
    at: datetime | None,
    reason: str | None = None,
    attempts: int = 1,
) -> None:
    values = {
        "key": _key(journey, request),
        "journey": request.journey,
        "customer": journey["customer_id"],
        "step": request.step,
        "iteration": request.iteration,
        "activity": request.activity,
        "state": state,
        "reason": reason,
        "at": at,
        "attempts": attempts,
    }
    connection.execute(_NOTE, values)


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
    context: Context,
    connection: Connection,
    journey: dict[str, Any],
    whom: dict[str, Any],
    moment: datetime,
    since: datetime,
) -> Answer | str | None:
    """Why nothing may be told or given, for good or until later, as with messages. `since` when it has been due."""
    plan, policy = context.versions.plan(connection, journey["version"], journey["playbook"]), context.policy
    status = status_in_force(context.rules, plan.playbook)
    controls = connection.execute(_CONTROLS, (journey["playbook"],)).fetchall()
    if any(state == "killed" for _, state, _ in controls):
        return "killed"
    if kept := kept_out(policy, plan.controls, whom["key"], plan.playbook):
        return kept
    if (policy.mode != "live" or status == "test") and not _is_tester(policy.test_recipients, whom):
        return "no_test_recipient"
    if whom["paused_at"] is not None:
        return Answer(moment, "deferred", "journey_paused", after_pause(whom["paused_at"], moment))
    for playbook, _, paused in controls:
        reason = "all_paused" if playbook == "*" else "playbook_paused"
        return Answer(moment, "deferred", reason, after_pause(paused, moment))
    if status in {"paused", "draft"}:
        return Answer(moment, "deferred", f"playbook_{status}", after_pause(since, moment))
    return None


def _is_tester(testers: Any, whom: dict[str, Any]) -> bool:  # noqa: ANN401 - as the policy has them
    known = {name.casefold() for name in testers}
    return bool(known & {(whom[name] or "").casefold() for name in ("key", "email", "phone")})


def _looked_up(context: Context, connection: Connection, request: CallRequest) -> dict[str, Any]:
    if not request.looked_up:
        return {}
    of = asking(context, connection, request.journey, request.at)
    types = of.evaluator.catalogue.types
    found = {key: (name, of.value(connection, name)) for key, name in request.looked_up.items()}
    return {key: as_json(value, types.get(name)) for key, (name, value) in found.items()}


def as_json(value: Value, kind: Type | None) -> Any:  # noqa: ANN401 - any value of JSON
    """A value as JSON has it: instants and dates in ISO 8601, decimals as text, sets as sorted lists."""
    match value:
        case int() if kind == "instant":
            return instant(value).isoformat().replace("+00:00", "Z")
        case Decimal():
            return str(value)
        case date():
            return value.isoformat()
        case frozenset():
            return sorted(value)
        case _:
            return value
