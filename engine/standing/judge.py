"""One customer's standing from the facts: fold, decision and next flip, compiled together for one version of rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import Fold, compile_fold
from engine.conditions.environment import Catalogue, Happening
from engine.conditions.types import Value
from engine.standing.changes import changes
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import Change, Decide, HandTag, Standing
from engine.standing.definition import StandingRules
from engine.standing.evidence import Evidence
from engine.standing.flip import Flips, Seen, earliest
from engine.standing.focus import Scope, Touched, scope_of


class Judgement(NamedTuple):
    """A customer's standing as of an instant, what changed, and when it may change by itself."""

    standing: Standing
    changes: tuple[Change, ...]
    next_flip: int | None
    stages: tuple[str, ...]
    """The stages whose condition held; they should be one."""
    passed: int = 0
    """How many of the coming publications change nothing, as long as nothing happens; the next flip lies after them."""
    values: Mapping[str, Value] = MappingProxyType({})
    """The attributes that were decided by, where the whole was."""
    flips: Mapping[str, int] | None = None
    """The next flip by what it follows from, as `Flips.by_source`; None where they were not kept apart."""


@dataclass(frozen=True, slots=True)
class Before:
    """A standing and its flips by what they follow from, as they were decided together."""

    standing: Standing
    flips: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Focus:
    """A judgement of some parts of the rules: what it decides, and the fold of all that these need.

    `reads` are the stored fields of each relation that it reads; events of `scope.kinds` need their relations whole.
    """

    scope: Scope
    fold: Fold

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """The stored fields of each relation that a customer's facts must have."""
        return self.fold.reads


class Judge:
    """Compiled rules of standing over attributes.

    `reads` are the stored fields of each relation that a customer's facts must have, `events` the kinds of events.

    Args:
        rules: the rules of standing.
        attributes: the declared attributes by name.
        catalogue: types of attributes and of the events' fields, and the reporting currency.
        zone: the shop's.
        words: the rules' word lists by name.
        proven: whether changes bear the values that decided them.

    Raises:
        ValueError: the rules are not sound.
    """

    def __init__(
        self,
        rules: StandingRules,
        attributes: Mapping[str, AttributeDefinition],
        catalogue: Catalogue,
        zone: str = "UTC",
        words: Mapping[str, tuple[str, ...]] | None = None,
        *,
        proven: bool = True,
    ) -> None:
        self.rules, self._proven = rules, proven
        self._flips = Flips(rules, attributes, zone)
        self.events = self._flips.events
        self._declared = {**attributes, **self._flips.companions}
        self._currency, self._words = catalogue.currency, words
        self._focuses: dict[Touched, Focus] = {}
        self._fold = self._compiled(self._flips.names)
        self._decide = Decide(rules, catalogue, zone)
        self._evidence = Evidence(rules, catalogue.types)
        self.reads = self._fold.reads
        self._flips.look_at(self.reads)

    def __call__(
        self,
        facts: CustomerFacts,
        at: int,
        *,
        cut_offs: CutOffs | None = None,
        previous: Standing | None = None,
        hand_tags: Sequence[HandTag] = (),
        events: Mapping[str, Sequence[Happening]] | None = None,
        coming: Sequence[tuple[int, CutOffs]] = (),
    ) -> Judgement:
        """The judgement as of `at`, microseconds since the epoch; see `Decide.__call__`.

        `coming` are cut-offs that will be published after it, in order, each with its instant.
        """
        values = self._fold(facts, at)
        decision = self._decide(values, at, cut_offs=cut_offs, previous=previous, hand_tags=hand_tags, events=events)
        standing = decision.standing
        found = self._changes(previous, standing, values)
        turns = self._flips.of_facts(Seen(facts, at, values, standing, hand_tags, events, cut_offs))
        first = min(turns, self._flips.of_days(values, at, cut_offs))
        passed = 0
        for published, other in coming:
            then = self._flips.days_at(values, published)
            if first <= published or not self._decide.keeps(then, published, other, standing):
                break
            first = min(turns, self._flips.of_days(then, published, other))
            passed += 1
        return Judgement(standing, found, earliest(first), decision.stages, passed, values)

    def apart(
        self,
        facts: CustomerFacts,
        at: int,
        *,
        cut_offs: CutOffs | None = None,
        previous: Standing | None = None,
        hand_tags: Sequence[HandTag] = (),
        events: Mapping[str, Sequence[Happening]] | None = None,
    ) -> Judgement:
        """The same judgement with its flips apart by what they follow from, which `touched` needs the next time."""
        values = self._fold(facts, at)
        decision = self._decide(values, at, cut_offs=cut_offs, previous=previous, hand_tags=hand_tags, events=events)
        seen = Seen(facts, at, values, decision.standing, hand_tags, events, cut_offs)
        flips, found = self._flips.by_source(seen), self._changes(previous, decision.standing, values)
        return Judgement(decision.standing, found, self._earliest(flips, seen), decision.stages, 0, values, flips)

    def focus(self, touched: Touched) -> Focus:
        """What has to be judged where only some facts have changed."""
        if touched not in self._focuses:
            scope = scope_of(self.rules, self._flips, touched)
            self._focuses[touched] = Focus(scope, self._compiled(scope.names))
        return self._focuses[touched]

    def touched(
        self,
        focus: Focus,
        facts: CustomerFacts,
        at: int,
        before: Before,
        *,
        cut_offs: CutOffs | None,
        hand_tags: Sequence[HandTag] = (),
        events: Mapping[str, Sequence[Happening]] | None = None,
    ) -> Judgement:
        """The judgement where only the touched facts have changed since the standing before, and nothing has turned.

        It is what a whole judgement by the same rules, cut-offs and hand tags gives, for less.

        Args:
            focus: of all that has been touched.
            facts: at least the rows of `focus.reads`.
            at: the instant, before the next flip of before.
            before: the standing and the flips of before.
            cut_offs: those of before.
            hand_tags: those of before.
            events: those of `focus.scope.kinds`.
        """
        previous = before.standing
        if not focus.scope.parts and not focus.scope.flips:
            return self._as_before(facts, at, before, hand_tags, cut_offs)
        values = focus.fold(facts, at)
        decision = self._decide(
            values,
            at,
            cut_offs=cut_offs,
            previous=previous,
            hand_tags=hand_tags,
            events=events,
            only=focus.scope.parts,
        )
        seen = Seen(facts, at, values, decision.standing, hand_tags, events, cut_offs)
        kept = {source: instant for source, instant in before.flips.items() if source not in focus.scope.flips}
        kept |= self._flips.by_source(seen, focus.scope.flips)
        return Judgement(
            decision.standing,
            self._changes(previous, decision.standing, values),
            self._earliest(kept, seen),
            decision.stages,
            flips=kept,
        )

    def _as_before(
        self,
        facts: CustomerFacts,
        at: int,
        before: Before,
        hand_tags: Sequence[HandTag],
        cut_offs: CutOffs | None,
    ) -> Judgement:
        """The judgement where what was touched concerns no rule."""
        standing = before.standing._replace(at=at)
        seen = Seen(facts, at, {}, standing, hand_tags, {}, cut_offs)
        stages = () if standing.stage is None else (standing.stage,)
        return Judgement(standing, (), self._earliest(before.flips, seen), stages, flips=before.flips)

    def tags_stand(self, standing: Standing, at: int, hand_tags: Sequence[HandTag]) -> bool:
        """Whether the tags of a standing are still those of the rules that held then and those given by hand."""
        by_hand = {each.tag for each in hand_tags if each.holds(at)}
        return standing.tags == by_hand | self._decide.unexpired(standing, at)

    def _earliest(self, flips: Mapping[str, int], seen: Seen) -> int | None:
        ahead = (instant for instant in self._flips.of_standing(seen) if instant > seen.at)
        return min((*flips.values(), *ahead), default=None)

    def _changes(self, previous: Standing | None, now: Standing, values: Mapping[str, Value]) -> tuple[Change, ...]:
        found = changes(previous, now, self.rules)
        if not found or previous is None or not self._proven:
            return found
        return tuple(replace(each, evidence=self._evidence(each, values, now)) for each in found)

    def _compiled(self, names: Collection[str]) -> Fold:
        return compile_fold(self._declared, currency=self._currency, only=names, words=self._words)

    def turns(self, values: Mapping[str, Value], at: int, cut_offs: CutOffs | None) -> int | None:
        """When days that were counted next reach what rules or these cut-offs name, with nothing happening."""
        return earliest(self._flips.of_days(values, at, cut_offs))

    def values(self, facts: CustomerFacts, at: int) -> dict[str, Value]:
        """The attributes that the rules name, as of `at`."""
        return self._fold(facts, at)
