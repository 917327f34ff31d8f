"""Conditions evaluated clause by clause, with a record for proofs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.conditions.ast import All, Any, Compare, Condition, Did, Not, StepIs
from engine.conditions.environment import Catalogue, Environment, Known
from engine.conditions.operands import check, ready
from engine.conditions.types import Value


@dataclass(frozen=True, slots=True)
class Trace:
    """What a clause was found to be.

    `value` is what its name held, `found` how many events of a `did` matched. Every part is evaluated, also where
    the verdict stood before it.
    """

    condition: Condition
    verdict: bool
    value: Value = None
    found: int | None = None
    parts: tuple["Trace", ...] = ()


def trace(condition: Condition, env: Environment, catalogue: Catalogue) -> Trace:
    """Evaluates a condition and keeps every clause's value and verdict."""
    match condition:
        case Compare(name=name):
            value = env.attributes.get(name)
            return Trace(
                condition, check(ready(condition, catalogue.types.get(name), catalogue.currency), value), value
            )
        case All(parts=parts):
            traced = _each(parts, env, catalogue)
            return Trace(condition, all(part.verdict for part in traced), parts=traced)
        case Any(parts=parts):
            traced = _each(parts, env, catalogue)
            return Trace(condition, any(part.verdict for part in traced), parts=traced)
        case Not(part=part):
            inner = trace(part, env, catalogue)
            return Trace(condition, not inner.verdict, parts=(inner,))
        case Did():
            found = _count(condition, env, catalogue)
            return Trace(condition, found >= condition.times, found=found)
        case StepIs(step=step, state=state, is_=wanted):
            return Trace(condition, (state in env.steps(step)) is wanted)


def trace_where(condition: Condition, row: Mapping[str, Value], catalogue: Catalogue) -> Trace:
    """The same over the fields of one event or row."""
    return trace(condition, Known(attributes=row), catalogue)


def _each(parts: Sequence[Condition], env: Environment, catalogue: Catalogue) -> tuple[Trace, ...]:
    return tuple(trace(part, env, catalogue) for part in parts)


def _count(did: Did, env: Environment, catalogue: Catalogue) -> int:
    fields = Catalogue(catalogue.events.get(did.event, {}), {}, catalogue.currency)
    since = None if did.within_seconds is None else env.now - did.within_seconds * 1_000_000
    return sum(
        at <= env.now
        and (since is None or at > since)
        and (did.where is None or trace_where(did.where, row, fields).verdict)
        for at, row in env.events(did.event)
    )
