"""One customer's standing from the facts: fold, decision and next flip, compiled together for one version of rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import compile_fold
from engine.conditions.environment import Catalogue, Happening
from engine.conditions.types import Value
from engine.standing.changes import changes
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import Change, Decide, HandTag, Standing
from engine.standing.definition import StandingRules
from engine.standing.evidence import Evidence
from engine.standing.flip import Flips, Seen, earliest


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
    """The attributes that were decided by."""


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
        declared = {**attributes, **self._flips.companions}
        self._fold = compile_fold(declared, currency=catalogue.currency, only=self._flips.names, words=words)
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
        found = changes(previous, standing, self.rules)
        if found and previous is not None and self._proven:
            found = tuple(replace(each, evidence=self._evidence(each, values, standing)) for each in found)
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

    def turns(self, values: Mapping[str, Value], at: int, cut_offs: CutOffs | None) -> int | None:
        """When days that were counted next reach what rules or these cut-offs name, with nothing happening."""
        return earliest(self._flips.of_days(values, at, cut_offs))

    def values(self, facts: CustomerFacts, at: int) -> dict[str, Value]:
        """The attributes that the rules name, as of `at`."""
        return self._fold(facts, at)
