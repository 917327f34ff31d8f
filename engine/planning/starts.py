"""Which journeys would start if people who are inside already were started, and what these could send in a week."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg

from engine.conditions.ast import Compare, compares
from engine.conditions.operands import microseconds
from engine.diagram.words import trigger as in_words
from engine.dispatch.match import means
from engine.evaluation.edited import new_triggers
from engine.evaluation.existing import inside
from engine.journeys.plan import ChangeTrigger
from engine.journeys.plan import Plan as Playbook
from engine.messages.bound import most_of_one
from engine.messages.holdout import kept_out
from engine.planning.compare import Comparison, Sides
from engine.planning.decider import Decider
from engine.planning.examples import seen
from engine.planning.reading import people
from engine.planning.report import Starting
from engine.standing.decide import Change
from engine.standing.order import conditions, named

Connection = psycopg.Connection[Any]
_CHUNK = 1000
_LATELY = """
select subject_id from journeys
 where playbook = %s and subject = 'customer' and subject_id = any(%s) and started_at > %s
"""
_KEYS = "select key from customers where id = any(%s)"


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Our numbers of those whom a trigger of a playbook means."""

    changed: frozenset[int]
    inside: frozenset[int]


def starting(connection: Connection, sides: Sides, found: Comparison, *, first: bool) -> Iterator[Starting]:
    """Of each playbook that starts by changes of standing and would start journeys now, how many.

    Args:
        connection: to read facts by.
        sides: both versions.
        found: who is moved.
        first: nothing was in force before, so that every trigger is new.
    """
    rules = sides.new.rules
    anew = new_triggers(None if first else sides.old.rules, rules)
    for name, plan in rules.plans.items():
        if not plan.starts or plan.subject != "customer":
            continue
        who = _candidates(connection, plan, anew.get(name, ()), found)
        if who.changed or who.inside:
            yield _starting(connection, sides, plan, who)


def _candidates(
    connection: Connection, plan: Playbook, anew: Sequence[ChangeTrigger], found: Comparison
) -> _Candidates:
    changed = frozenset(
        customer
        for move, ids in found.moves.items()
        if means(plan.start.any, Change(move.kind, move.before, move.after, rises=move.rises))
        for customer in ids
    )
    within = {who for each in anew for who in _inside(connection, each, found)}
    return _Candidates(changed, frozenset(within - changed))


def _inside(connection: Connection, trigger: ChangeTrigger, found: Comparison) -> Iterator[int]:
    """Who is stored as inside and stays there, or goes there."""
    for name in trigger.names:
        gone = {
            customer
            for move, ids in found.moves.items()
            if move.kind == trigger.kind and move.before == name
            for customer in ids
        }
        yield from (who for who, _ in inside(connection, trigger.kind, [name]) if who not in gone)


def _starting(connection: Connection, sides: Sides, plan: Playbook, who: _Candidates) -> Starting:
    everyone = sorted(who.changed | who.inside)
    allowed = set(_allowed(connection, sides, plan, everyone))
    lately = _lately(connection, sides, plan, allowed)
    journeys = sorted(allowed - lately)
    policy = sides.new.rules.policy
    keys = [row[0] for row in connection.execute(_KEYS, (journeys,))]
    held = sum(kept_out(policy, plan.controls, key, plan.playbook) is not None for key in keys)
    each = most_of_one(sides.new.rules, plan)
    return Starting(
        playbook=plan.playbook,
        title=plan.title,
        status=plan.status,
        triggers=tuple(in_words(trigger) for trigger in plan.start.any if isinstance(trigger, ChangeTrigger)),
        changed=len(who.changed),
        inside=len(who.inside),
        only_if=len(everyone) - len(allowed),
        once_per=len(lately),
        journeys=len(journeys),
        held_out=held,
        each=each,
        messages=(len(journeys) - held) * each,
    )


def _allowed(connection: Connection, sides: Sides, plan: Playbook, ids: Sequence[int]) -> Iterator[int]:
    """Those of whom `only_if` holds, with the standing that they would have."""
    condition = plan.start.only_if
    if condition is None:
        yield from ids
        return
    side = sides.new
    parts = _parts_named(side.rules.standing, compares(condition))
    decider = Decider(side.rules, parts, side.currency, side.cut_offs, asked=(condition,))
    holds, now = decider.predicate(condition), microseconds(sides.as_of)
    for start in range(0, len(ids), _CHUNK):
        for one in people(connection, ids[start : start + _CHUNK], (decider,), decider.reads):
            if holds(seen(decider, one, now).known):
                yield one.facts.customer_id


def _parts_named(standing: Any, tests: Iterator[Compare]) -> frozenset[str]:  # noqa: ANN401 -- rules of standing
    known: Mapping[str, object] = conditions(standing)
    return frozenset(part for test in tests for part in named(test, known) if part in known)


def _lately(connection: Connection, sides: Sides, plan: Playbook, ids: Collection[int]) -> set[int]:
    """Those whose last journey of it began within `once_per`."""
    if plan.start.once_per is None or not ids:
        return set()
    since = sides.as_of - timedelta(seconds=plan.start.once_per)
    return {row[0] for row in connection.execute(_LATELY, (plan.playbook, list(ids), since))}
