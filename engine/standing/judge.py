"""One customer's standing from the facts: fold, decision and next flip, compiled together for one version of rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
from engine.standing.flip import Flips, Seen


@dataclass(frozen=True, slots=True)
class Judgement:
    """A customer's standing as of an instant, what changed, and when it may change by itself."""

    standing: Standing
    changes: tuple[Change, ...]
    next_flip: int | None
    stages: tuple[str, ...]
    """The stages whose condition held; they should be one."""


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
    ) -> Judgement:
        """The judgement as of `at`, microseconds since the epoch; see `Decide.__call__`."""
        values = self._fold(facts, at)
        decision = self._decide(values, at, cut_offs=cut_offs, previous=previous, hand_tags=hand_tags, events=events)
        seen = Seen(facts, at, values, decision.standing, hand_tags, events, cut_offs)
        found = changes(previous, decision.standing, self.rules)
        if previous is not None and self._proven:
            found = tuple(replace(each, evidence=self._evidence(each, values, decision.standing)) for each in found)
        return Judgement(decision.standing, found, self._flips(seen), decision.stages)

    def again(
        self,
        facts: CustomerFacts,
        at: int,
        standing: Standing,
        *,
        cut_offs: CutOffs | None,
        hand_tags: Sequence[HandTag] = (),
        events: Mapping[str, Sequence[Happening]] | None = None,
    ) -> Judgement:
        """The judgement under other cut-offs, where nothing has happened or turned since the standing was decided.

        It is what a whole judgement gives, for less where tier and group stay.
        """
        values = self._fold(facts, at)
        if not self._decide.keeps(values, at, cut_offs, standing):
            return self(facts, at, cut_offs=cut_offs, previous=standing, hand_tags=hand_tags, events=events)
        kept = standing.later(at)
        stages = () if standing.stage is None else (standing.stage,)
        return Judgement(kept, (), self._flips(Seen(facts, at, values, kept, hand_tags, events, cut_offs)), stages)

    def values(self, facts: CustomerFacts, at: int) -> dict[str, Value]:
        """The attributes that the rules name, as of `at`."""
        return self._fold(facts, at)
