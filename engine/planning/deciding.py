"""Which clause decides that a customer goes in or out: what one version asks and finds, and the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.conditions.ast import Compare, Condition, Did
from engine.conditions.environment import Known
from engine.conditions.trace import Trace, trace
from engine.explain.minimal import leaves, smallest_turn
from engine.explain.subject import condition_of
from engine.explain.words import Wording
from engine.planning.decider import Decider
from engine.planning.report import Asked, Decisive
from engine.standing.decide import Standing

_DEEPEST = 4
_MOST = 3
_NAMED = {"tags": "tag", "segments": "segment", "stage": "stage", "tier": "tier", "rfm_group": "rfm_group"}


@dataclass(frozen=True)
class Seen:
    """A customer as one version sees her."""

    decider: Decider
    standing: Standing
    known: Known
    zone: str

    @cached_property
    def wording(self) -> Wording:
        """The words of this version."""
        units = {name: each.unit for name, each in self.decider.rules.catalogue.items()}
        return Wording(self.decider.catalogue.types, units, self.decider.currency, self.zone)

    def condition(self, kind: str, name: str) -> Condition | None:
        """The condition of a rule; None where this version has none of this name."""
        standing = self.decider.rules.standing
        names = {
            "stage": [each.name for each in standing.lifecycle.stages] if standing.lifecycle else [],
            "tier": [each.name for each in standing.tiers.tiers] if standing.tiers else [],
            "rfm_group": [each.name for each in standing.rfm.groups] if standing.rfm else [],
        }
        if kind in names and name not in names[kind]:
            return None
        return condition_of(standing, kind, name, self.decider.cut_offs, self.decider.catalogue)

    def traced(self, condition: Condition) -> Trace:
        """Every clause with its value and verdict."""
        return trace(condition, self.known, self.decider.catalogue)

    def asked(self, leaf: Trace) -> Asked:
        """A clause in words."""
        words = self.wording.clause(leaf.condition)
        match leaf.condition:
            case Compare() as compare:
                return Asked(words, self.wording.met(compare, leaf.value), leaf.verdict)
            case Did():
                return Asked(words, f"{leaf.found} found" if leaf.found else "none found", leaf.verdict)
            case _:
                return Asked(words, "", leaf.verdict)


def decisive(was: Seen, becomes: Seen, kind: str, before: str | None, after: str | None) -> tuple[Decisive, ...]:
    """The clauses that decide a move; none where no clause does, as where a tag expires sooner."""
    found: Sequence[Decisive] = ()
    if after is not None:
        found = list(_turned(was, becomes, kind, after, 0))
    if before is not None and not found:
        found = [Decisive(each.after, each.before) for each in _turned(becomes, was, kind, before, 0)]
    return tuple(found[:_MOST])


def _turned(fails: Seen, holds: Seen, kind: str, name: str, depth: int) -> Iterator[Decisive]:
    """Why a rule fails in one version and holds in the other; `before` is of the one in which it fails."""
    failing, holding = fails.condition(kind, name), holds.condition(kind, name)
    there = [] if holding is None else list(leaves(holds.traced(holding)))
    traced = None if failing is None else fails.traced(failing)
    turned = None if traced is None else smallest_turn(traced)
    if traced is None or turned is None:  # there is nothing that could have held, such as a tier without a cut-off
        yield from (Decisive(None, holds.asked(leaf)) for leaf in there if leaf.verdict)
        return
    here = {leaf.condition: leaf for leaf in leaves(traced)}
    for condition, _ in turned:
        other = _counterpart(condition, there)
        deeper = list(_deeper(fails, holds, condition, depth)) if other and other.condition == condition else []
        yield from deeper or [Decisive(fails.asked(here[condition]), None if other is None else holds.asked(other))]


def _counterpart(condition: Condition, leaves_there: Sequence[Trace]) -> Trace | None:
    """The same clause on the other side, else one that asks of the same, in the same way if there is one."""
    alike = [leaf for leaf in leaves_there if _about(leaf.condition) == _about(condition)]
    same = (leaf for leaf in alike if leaf.condition == condition)
    likewise = (leaf for leaf in alike if _how(leaf.condition) == _how(condition))
    return next(same, None) or next(likewise, None) or next(iter(alike), None)


def _how(condition: Condition) -> str:
    return condition.operator if isinstance(condition, Compare) else ""


def _about(condition: Condition) -> str:
    match condition:
        case Compare(name=name):
            return name
        case Did(event=event):
            return f"did {event}"
        case _:
            return ""


def _deeper(fails: Seen, holds: Seen, condition: Condition, depth: int) -> Iterator[Decisive]:
    """Where the clause names a tag, segment, stage, tier or group that differs itself: why that does."""
    if depth >= _DEEPEST or not isinstance(condition, Compare) or condition.name not in _NAMED:
        return
    kind = _NAMED[condition.name]
    here, there = _having(fails.standing, kind), _having(holds.standing, kind)
    if kind in ("tag", "segment"):
        meant = {str(each) for each in condition.operands or (condition.operand,)}
        here, there = here & meant, there & meant
    for name in sorted(there - here):
        yield from _turned(fails, holds, kind, name, depth + 1)
    for name in sorted(here - there):
        yield from (Decisive(each.after, each.before) for each in _turned(holds, fails, kind, name, depth + 1))


def _having(standing: Standing, kind: str) -> frozenset[str]:
    if kind in ("tag", "segment"):
        held: frozenset[str] = getattr(standing, f"{kind}s")
        return held
    name = getattr(standing, kind)
    return frozenset() if name is None else frozenset({name})
