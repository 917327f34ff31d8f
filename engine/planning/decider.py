"""One version of the rules, compiled to decide some parts of standing, and to ask conditions of what was decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import Fold, compile_fold
from engine.conditions.ast import Condition, dids
from engine.conditions.compile import Predicate, compile_condition
from engine.conditions.environment import Catalogue, Happening, Known
from engine.conditions.types import Value
from engine.facts.evaluate import Evaluator, evaluator
from engine.language.rules import Rules
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import STANDING_TYPES, Decide, HandTag, Standing
from engine.standing.order import conditions
from engine.standing.pruned import only
from engine.standing.uses import used_attributes

Values = Mapping[str, Value]
Events = Mapping[str, Sequence[Happening]]


@dataclass(frozen=True)
class Decider:
    """Decides some parts of standing by one version of the rules, and those that these depend on.

    Args:
        rules: the version.
        parts: the parts to decide; those that these rules do not have are left out.
        currency: the reporting currency.
        cut_offs: those of tiers and RFM.
        asked: conditions that are asked besides, whose attributes are computed too.
    """

    rules: Rules
    parts: frozenset[str]
    currency: str | None
    cut_offs: CutOffs | None
    asked: tuple[Condition, ...] = ()

    @cached_property
    def pruned(self) -> Rules:
        """The rules with these parts alone."""
        return replace(self.rules, standing=only(self.rules.standing, *sorted(self.parts)))

    @cached_property
    def _whens(self) -> tuple[Condition, ...]:
        return (*self.asked, *(each for whens in conditions(self.pruned.standing).values() for each in whens))

    @cached_property
    def used(self) -> Mapping[str, AttributeDefinition]:
        """The attributes that are needed, and those they are computed from."""
        return used_attributes(self.pruned.standing, self._whens, self.rules.catalogue)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of events that are counted."""
        return frozenset(each.event for when in self._whens for each in dids(when))

    @cached_property
    def evaluator(self) -> Evaluator:
        """Types of attributes and fields of events."""
        return evaluator(self.rules.catalogue, self.currency, self.rules.words)

    @property
    def catalogue(self) -> Catalogue:
        """Types of attributes, of standing and of the events' fields."""
        known = self.evaluator.catalogue
        return Catalogue({**known.types, **STANDING_TYPES}, known.events, known.currency)

    @cached_property
    def _fold(self) -> Fold:
        return compile_fold(self.rules.catalogue, currency=self.currency, only=self.used, words=self.rules.words)

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """The stored fields of each relation that are needed."""
        return self._fold.reads

    @cached_property
    def _decide(self) -> Decide:
        return Decide(self.pruned.standing, self.evaluator.catalogue, self.rules.policy.zone)

    def values(self, facts: CustomerFacts, at: int) -> Values:
        """The attributes as of an instant, in microseconds since the epoch."""
        return self._fold(facts, at)

    def standing(
        self, values: Values, at: int, previous: Standing | None, hand_tags: Sequence[HandTag], events: Events
    ) -> Standing:
        """The standing as far as these parts go."""
        decided = self._decide(
            values, at, cut_offs=self.cut_offs, previous=previous, hand_tags=hand_tags, events=events
        )
        return decided.standing

    def predicate(self, condition: Condition) -> Predicate:
        """A condition, compiled."""
        known = self.catalogue
        return compile_condition(condition, currency=known.currency, types=known.types, events=known.events)

    def known(self, values: Values, at: int, standing: Standing, events: Events) -> Known:
        """What a condition is asked in."""
        return Known(at, {**values, **{name: getattr(standing, name) for name in STANDING_TYPES}}, events)


def all_kinds(deciders: Iterable[Decider]) -> frozenset[str]:
    """The kinds of events that any of them counts."""
    return frozenset().union(*(each.kinds for each in deciders))
