"""Decides a customer's standing from the values of attributes: pure, as of an instant that is an argument."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from engine.conditions.ast import Condition, compares, dids
from engine.conditions.compile import Predicate, compile_condition
from engine.conditions.environment import Catalogue, Happening
from engine.conditions.types import Type, Value
from engine.standing.cut_offs import CutOffs, Number, RfmCutOffs, tier_of
from engine.standing.definition import Lifecycle, Rfm, StandingRules, TagRule, Tiers
from engine.standing.order import conditions, dependency_order, part_of_name
from engine.standing.places import Place, compile_places
from engine.standing.review import Reviews

STANDING_TYPES: Mapping[str, Type] = {
    "tags": "set",
    "segments": "set",
    "stage": "string",
    "tier": "string",
    "tier_ends_at": "instant",
    "rfm_group": "string",
    "rfm_recency": "integer",
    "rfm_frequency": "integer",
    "rfm_monetary": "integer",
}
"""Names of standing that conditions use like attributes."""

_NOBODY: frozenset[str] = frozenset()
_NONE: Mapping[str, int] = {}


class Standing(NamedTuple):
    """What a customer is as of `at`. Instants are microseconds since the epoch.

    `given` says since when the condition of each rule's tag has held; a tag that expired meanwhile is kept there, so
    that it is given anew only when the condition has failed in between. `tier_ends_at`: until when a tier is kept that
    a review found lost; it stands as it was decided then, whatever grace the rules give now.
    """

    tags: frozenset[str] = _NOBODY
    segments: frozenset[str] = _NOBODY
    stage: str | None = None
    tier: str | None = None
    tier_ends_at: int | None = None
    rfm_group: str | None = None
    rfm_recency: int | None = None
    rfm_frequency: int | None = None
    rfm_monetary: int | None = None
    given: Mapping[str, int] = _NONE
    at: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One change: of kind tag, segment, stage, tier or rfm_group, from one name to another (None: none).

    `rises` of a tier: it is better than before, or the first one. `unexpected` of a stage: its rule does not allow it.
    `evidence`: the values that decided, by name, ready for JSON; empty in a first judgement.
    """

    kind: str
    before: str | None
    after: str | None
    rises: bool = False
    unexpected: bool = False
    evidence: Mapping[str, object] = field(default_factory=dict, compare=False)


class Decision(NamedTuple):
    """A standing, and the stages whose condition held: more than one or none is a mistake of the rules."""

    standing: Standing
    stages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HandTag:
    """A tag given by hand. Instants in microseconds since the epoch; None: never."""

    tag: str
    at: int
    expires_at: int | None = None
    removed_at: int | None = None

    def holds(self, now: int) -> bool:
        """Given, not expired and not taken away."""
        ends = [each for each in (self.expires_at, self.removed_at) if each is not None]
        return self.at <= now and all(now < each for each in ends)


@dataclass(slots=True)
class Scene:
    """What conditions are asked in while standing is decided: attributes, and standing as far as it is decided."""

    now: int
    attributes: dict[str, Value]
    happened: Mapping[str, Sequence[Happening]]
    cut_offs: CutOffs
    previous: Standing | None
    tags: set[str]
    segments: set[str] = field(default_factory=set)
    given: dict[str, int] = field(default_factory=dict)
    stages: tuple[str, ...] = ()

    def events(self, kind: str) -> Sequence[Happening]:
        """The customer's events of a kind."""
        return self.happened.get(kind, ())

    def steps(self, step: str) -> tuple[str, ...]:  # noqa: ARG002 - the environment's protocol; nobody is on a journey here
        """None: standing knows of no journey."""
        return ()


_Part = Callable[[Scene], None]
_RANKING = ("tier", "rfm")
_RANKED = ("tier", "tier_ends_at", "rfm_group", "rfm_recency", "rfm_frequency", "rfm_monetary")
_ranked = attrgetter(*_RANKED)
_DECIDED_LATER = frozenset({"tags", "segments", "stage"})
_NO_CUT_OFFS = CutOffs()
_MOST = 50_000
"""So many decisions are remembered."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What conditions have said: of whom they say the same it is the same. `held`: the tags whose conditions hold."""

    tags: frozenset[str]
    segments: frozenset[str]
    stage: str | None
    stages: tuple[str, ...]
    held: Mapping[str, int]


class Decide:
    """Compiled rules of standing: `decide(values, at, ...)` gives a decision.

    Args:
        rules: what to decide; without an `order` it is found by dependency.
        catalogue: types of attributes and events, and the reporting currency.
        zone: the shop's, for the yearly review.

    Raises:
        ValueError: parts depend on each other in a circle, or a condition cannot be compiled. The rules' check finds
            both beforehand.
    """

    def __init__(self, rules: StandingRules, catalogue: Catalogue, zone: str = "UTC") -> None:
        self.rules, self.zone = rules, zone
        self._catalogue = Catalogue({**catalogue.types, **STANDING_TYPES}, catalogue.events, catalogue.currency)
        self._whens = conditions(rules)
        parts = {name: self._part(name) for name in rules.order or dependency_order(rules)}
        self._parts = parts
        self._keep = {name: _kept(name, rules) for name in parts}
        self._keep_tags = [keep for name, keep in self._keep.items() if name.startswith("tag ")]
        named = {test.name for name in _RANKING for when in self._whens.get(name, ()) for test in compares(when)}
        self._ranks_alone = not named & STANDING_TYPES.keys()
        first = [name for name in _RANKING if name in parts] if self._ranks_alone else []
        self._ranking = [parts[name] for name in first]
        self._after_ranking = [part for name, part in parts.items() if name not in first]
        self._place = self._places() if self._ranks_alone else None
        self._said: dict[object, _Said] = {}
        self._expiring = tuple((tag.name, tag.expires * 1_000_000) for tag in rules.tags if tag.expires is not None)

    def __call__(
        self,
        values: Mapping[str, Value],
        at: int,
        *,
        cut_offs: CutOffs | None = None,
        previous: Standing | None = None,
        hand_tags: Sequence[HandTag] = (),
        events: Mapping[str, Sequence[Happening]] | None = None,
        only: frozenset[str] | None = None,
    ) -> Decision:
        """The standing as of `at` (microseconds since the epoch).

        Args:
            values: the customer's attributes as of then.
            at: the instant.
            cut_offs: the published ones; without them tier and RFM group stay as they were.
            previous: the standing before; it decides expiry of tags and how long a tier is kept.
            hand_tags: tags given by hand, also past ones.
            events: those that conditions ask for, by kind.
            only: the parts to decide; what the others have given before stays, so nothing of them may have turned.
        """
        by_hand = frozenset(each.tag for each in hand_tags if each.holds(at)) if hand_tags else _NOBODY
        scene = Scene(at, dict(values), events or {}, cut_offs or _NO_CUT_OFFS, previous, set(by_hand))
        if only is not None:
            return self._partly(scene, only)
        for part in self._ranking:
            part(scene)
        said = self._conditions(scene, by_hand)
        found = scene.attributes.get
        standing = Standing(
            said.tags, said.segments, said.stage, found("tier"), found("tier_ends_at"), found("rfm_group"),  # type: ignore[arg-type]  # each part writes its own type
            found("rfm_recency"), found("rfm_frequency"), found("rfm_monetary"), _given(said.held, previous, at), at,  # type: ignore[arg-type]  # likewise
        )  # fmt: skip
        return Decision(standing, said.stages)

    def _partly(self, scene: Scene, only: frozenset[str]) -> Decision:
        """Some parts one by one, without what is remembered of whole decisions; the others as they were."""
        for name, part in self._parts.items():
            if name in only:
                part(scene)
            else:
                self._keep[name](scene)
        found = scene.attributes
        return Decision(
            Standing(
                tags=frozenset(scene.tags),
                segments=frozenset(scene.segments),
                **{name: found.get(name) for name in STANDING_TYPES if name not in ("tags", "segments")},  # type: ignore[arg-type]  # each part writes its own type
                given=scene.given,
                at=scene.now,
            ),
            scene.stages,
        )

    def _conditions(self, scene: Scene, by_hand: frozenset[str]) -> _Said:
        """What the conditions say: as before where the values lie alike, and else asked."""
        key: object = None
        if self._place is not None:
            try:
                key = self._place(scene.attributes.get), by_hand, self._expired(scene)
            except TypeError:  # a value of another type than declared has no place
                key = None
        known = None if key is None else self._said.get(key)
        if known is not None:
            return known
        for part in self._after_ranking:
            part(scene)
        stage = scene.attributes.get("stage")
        said = _Said(frozenset(scene.tags), frozenset(scene.segments), stage, scene.stages, scene.given)  # type: ignore[arg-type]  # the part writes a name
        if key is not None:
            if len(self._said) >= _MOST:
                self._said.clear()
            self._said[key] = said
        return said

    def _expired(self, scene: Scene) -> tuple[str, ...]:
        """The tags of rules that have expired, if their conditions still hold."""
        if not self._expiring or scene.previous is None:
            return ()
        given = scene.previous.given
        return tuple(name for name, length in self._expiring if scene.now >= given.get(name, scene.now) + length)

    def _places(self) -> Place | None:
        """Where values lie among what all conditions compare them with; none where something is asked of events."""
        whens = [when for name, own in self._whens.items() if name not in _RANKING for when in own]
        if any(True for when in whens for _ in dids(when)):
            return None
        tests = (test for when in whens for test in compares(when) if test.name not in _DECIDED_LATER)
        return compile_places(tests, self._catalogue)

    def unexpired(self, standing: Standing, at: int) -> set[str]:
        """The rules' tags that a standing has as of an instant, where no condition has turned since."""
        scene = Scene(at, {}, {}, _NO_CUT_OFFS, standing, set())
        for keep in self._keep_tags:
            keep(scene)
        return scene.tags

    def keeps(self, values: dict[str, Value], at: int, cut_offs: CutOffs | None, standing: Standing) -> bool:
        """Whether tier and RFM are the same under other cut-offs, where they ask for attributes alone.

        Args:
            values: the customer's attributes as of then; tier and RFM are added to them.
            at: the instant, in microseconds since the epoch.
            cut_offs: the others.
            standing: as it was decided, since when nothing has turned.
        """
        if not self._ranks_alone:
            return False
        scene = Scene(at, values, {}, cut_offs or _NO_CUT_OFFS, standing, set())
        for part in self._ranking:
            part(scene)
        return tuple(map(values.get, _RANKED)) == _ranked(standing)

    def _part(self, name: str) -> _Part:
        kind, _, of = name.partition(" ")
        match kind:
            case "tag":
                part = self._tag(next(tag for tag in self.rules.tags if tag.name == of))
            case "segment":
                part = self._segment(next(each.when for each in self.rules.segments if each.name == of), of)
            case "stage":
                assert self.rules.lifecycle is not None
                part = self._stage(self.rules.lifecycle)
            case "tier":
                assert self.rules.tiers is not None
                part = _tier(self.rules.tiers, self._base(self.rules.tiers.base), self.zone)
            case _:
                assert self.rules.rfm is not None
                part = _rfm(self.rules.rfm, self._base(self.rules.rfm.base))
        return _with_sets(part, self._whens[name])

    def _compiled(self, condition: Condition) -> Predicate:
        known = self._catalogue
        return compile_condition(condition, currency=known.currency, types=known.types, events=known.events)

    def _base(self, condition: Condition | None) -> Predicate:
        return (lambda _: True) if condition is None else self._compiled(condition)

    def _tag(self, rule: TagRule) -> _Part:
        holds, name = self._compiled(rule.when), rule.name
        expires = None if rule.expires is None else rule.expires * 1_000_000

        def tag(scene: Scene) -> None:
            if holds(scene):
                since = scene.now if scene.previous is None else scene.previous.given.get(name, scene.now)
                scene.given[name] = since
                if expires is None or scene.now < since + expires:
                    scene.tags.add(name)

        return tag

    def _segment(self, when: Condition, name: str) -> _Part:
        holds = self._compiled(when)

        def segment(scene: Scene) -> None:
            if holds(scene):
                scene.segments.add(name)

        return segment

    def _stage(self, lifecycle: Lifecycle) -> _Part:
        tests = [(rule.name, self._compiled(rule.when)) for rule in lifecycle.stages]

        def stage(scene: Scene) -> None:
            scene.stages = tuple(name for name, holds in tests if holds(scene))
            scene.attributes["stage"] = scene.stages[0] if scene.stages else None

        return stage


def _kept(name: str, rules: StandingRules) -> _Part:
    """What gives a part as it was decided before; only the expiry of a tag is asked anew."""
    kind, _, of = name.partition(" ")
    match kind:
        case "tag":
            expires = next(
                None if tag.expires is None else tag.expires * 1_000_000 for tag in rules.tags if tag.name == of
            )

            def tag(scene: Scene) -> None:
                since = None if scene.previous is None else scene.previous.given.get(of)
                if since is not None:
                    scene.given[of] = since
                    if expires is None or scene.now < since + expires:
                        scene.tags.add(of)

            return tag
        case "segment":

            def segment(scene: Scene) -> None:
                if scene.previous is not None and of in scene.previous.segments:
                    scene.segments.add(of)

            return segment
        case _:
            names = tuple(each for each in STANDING_TYPES if part_of_name(each) == (kind,))

            def values(scene: Scene) -> None:
                for each in names:
                    scene.attributes[each] = None if scene.previous is None else getattr(scene.previous, each)
                if kind == "stage" and scene.attributes["stage"] is not None:
                    scene.stages = (scene.attributes["stage"],)  # type: ignore[assignment]  # the name of a stage

            return values


def _given(held: Mapping[str, int], previous: Standing | None, now: int) -> Mapping[str, int]:
    """Since when the conditions of tags have held."""
    if previous is None:
        return dict.fromkeys(held, now)
    before = previous.given
    return before if before.keys() == held.keys() else {name: before.get(name, now) for name in held}


def _with_sets(part: _Part, whens: Sequence[Condition]) -> _Part:
    """A part that names `tags` or `segments` finds them there as decided so far."""
    named = {test.name for test in chain.from_iterable(map(compares, whens))}
    if not named & {"tags", "segments"}:
        return part

    def prepared(scene: Scene) -> None:
        scene.attributes["tags"] = frozenset(scene.tags)
        scene.attributes["segments"] = frozenset(scene.segments)
        part(scene)

    return prepared


def _number(value: Value) -> Number | None:
    # An attribute that is ranked is a number; the rules' check sees to it.
    return value  # type: ignore[return-value]


def _tier(tiers: Tiers, base: Predicate, zone: str) -> _Part:
    names = [tier.name for tier in tiers.tiers]
    grace, reviews = tiers.grace * 1_000_000, Reviews(tiers.review, zone)

    def tier(scene: Scene) -> None:
        cut_offs, previous = scene.cut_offs.tiers, scene.previous
        held = None if previous is None else previous.tier
        if cut_offs is None:
            scene.attributes["tier"] = held
            scene.attributes["tier_ends_at"] = None if previous is None else previous.tier_ends_at
            return
        ranked = tier_of(_number(scene.attributes.get(tiers.rank_by)) if base(scene) else None, cut_offs)
        ends = None
        if previous is not None and held in names and ranked > names.index(held):
            ends = previous.tier_ends_at
            review, _ = reviews.around(scene.now)
            if ends is None and previous.at < review:
                ends = review + grace
            if ends is None or scene.now < ends:
                ranked = names.index(held)
            else:
                ends = None
        scene.attributes["tier"] = names[ranked]
        scene.attributes["tier_ends_at"] = ends

    return tier


def _rfm(rfm: Rfm, base: Predicate) -> _Part:
    r, f, m = rfm.recency.attribute, rfm.frequency.attribute, rfm.monetary.attribute
    groups = {(group.recent, group.frequent, group.valuable): group.name for group in rfm.groups}

    def part(scene: Scene) -> None:
        cut_offs, found = scene.cut_offs.rfm, scene.attributes
        if cut_offs is None:
            for name in ("rfm_group", "rfm_recency", "rfm_frequency", "rfm_monetary"):
                found[name] = None if scene.previous is None else getattr(scene.previous, name)
            return
        recency, frequency, monetary = _number(found.get(r)), _number(found.get(f)), _number(found.get(m))
        if recency is not None and frequency is not None and monetary is not None and base(scene):
            found["rfm_group"] = groups.get(_split(cut_offs, recency, frequency, monetary))
            found["rfm_recency"] = cut_offs.recency.score(recency)
            found["rfm_frequency"] = cut_offs.frequency.score(frequency)
            found["rfm_monetary"] = cut_offs.monetary.score(monetary)

    return part


def _split(cut_offs: RfmCutOffs, recency: Number, frequency: Number, monetary: Number) -> tuple[bool, bool, bool]:
    return (
        cut_offs.recency.is_high(recency),
        cut_offs.frequency.is_high(frequency),
        cut_offs.monetary.is_high(monetary),
    )
