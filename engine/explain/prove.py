"""Proofs of one customer's standing: facts and rules in, proof out. Pure: the instant is the case's."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from engine.attributes.fold import compile_fold
from engine.conditions.ast import All, Any, Compare, Condition, Did, Not, StepIs
from engine.conditions.environment import Catalogue, Known
from engine.conditions.trace import Trace, trace
from engine.conditions.types import Value
from engine.explain.behind import Sources, counted_events
from engine.explain.case import Case
from engine.explain.minimal import smallest_turn
from engine.explain.notes import notes_of
from engine.explain.proof import Behind, Clause, Decided, Instant, Missing, Proof, Valued, WhyNot
from engine.explain.short import short_of
from engine.explain.subject import Subject, condition_of, find_subject
from engine.explain.words import Wording
from engine.language.rules import Rules
from engine.standing.decide import STANDING_TYPES, Standing
from engine.standing.judge import Judge

_DEEPEST = 4
_NAMED = {"tags": "tag", "segments": "segment", "stage": "stage", "tier": "tier", "rfm_group": "rfm_group"}


class Prover:
    """Proves what one customer is as of the case's instant.

    Args:
        rules: the rules.
        catalogue: types of attributes and events, and the reporting currency.
        judge: the rules of standing, compiled.
        case: the customer.
    """

    def __init__(self, rules: Rules, catalogue: Catalogue, judge: Judge, case: Case) -> None:
        self.rules, self.case, self._judge = rules, case, judge
        self._catalogue = Catalogue({**catalogue.types, **STANDING_TYPES}, catalogue.events, catalogue.currency)
        units = {name: each.unit for name, each in rules.catalogue.items()}
        self.wording = Wording(self._catalogue.types, units, catalogue.currency, case.facts.zone)
        self._sources = Sources(rules.catalogue, rules.words, self.wording)

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """All attributes as of then."""
        case = self.case
        fold = compile_fold(self.rules.catalogue, currency=self._catalogue.currency, words=self.rules.words)
        return fold(case.facts, case.at)

    @cached_property
    def standing(self) -> Standing:
        """The standing as of then."""
        case = self.case
        judged = self._judge(
            case.facts,
            case.at,
            cut_offs=case.cut_offs,
            previous=case.previous,
            hand_tags=case.tags,
            events=case.events,
        )
        return judged.standing

    @cached_property
    def _known(self) -> Known:
        own = {name: getattr(self.standing, name) for name in STANDING_TYPES}
        return Known(self.case.at, {**self.values, **own}, self.case.events)

    def decided(self) -> Decided:
        """With what all of it is decided."""
        case = self.case
        return Decided(
            customer=case.customer,
            customer_id=case.facts.customer_id,
            as_of=Instant(case.at),
            zone=case.facts.zone,
            rules_version=self.rules.version,
            cut_offs=case.cut_offs_id,
            cut_offs_as_of=None if case.cut_offs_as_of is None else Instant(case.cut_offs_as_of),
        )

    def condition(self, kind: str, name: str) -> Condition | None:
        """The condition of a rule as of then."""
        return condition_of(self.rules.standing, kind, name, self.case.cut_offs, self._catalogue)

    def traced(self, condition: Condition) -> Trace:
        """Every clause of a condition, with value and verdict."""
        return trace(condition, self._known, self._catalogue)

    def attribute(self, name: str) -> Valued:
        """An attribute with what it comes from."""
        return self._sources.valued(name, self.case.facts, self.case.at, self.values)

    def proof(self, subject: Subject, above: tuple[str, ...] = ()) -> Proof:
        """The proof of a rule of standing."""
        condition = self.condition(subject.kind, subject.name)
        traced = None if condition is None else self.traced(condition)
        here = (*above, f"{subject.kind} {subject.name}")
        return Proof(
            kind=subject.kind,
            name=subject.name,
            title=subject.title,
            verdict=has(self.standing, subject.kind, subject.name),
            holds=traced is not None and traced.verdict,
            clause=None if traced is None else self._clause(traced, here),
            notes=notes_of(self, subject, traced),
        )

    def why_not(self, subject: Subject, above: tuple[str, ...] = ()) -> WhyNot:
        """The smallest set of clauses that would have to turn for a rule to hold."""
        condition = self.condition(subject.kind, subject.name)
        turned = None if condition is None else smallest_turn(self.traced(condition))
        if turned is None:
            return WhyNot(subject.kind, subject.name, (), possible=False)
        here = (*above, f"{subject.kind} {subject.name}")
        return WhyNot(subject.kind, subject.name, tuple(self._missing(each, must, here) for each, must in turned))

    def _missing(self, condition: Condition, must_hold: bool, above: tuple[str, ...]) -> Missing:  # noqa: FBT001 -- a verdict
        traced = self.traced(condition)
        deeper = must_hold and isinstance(condition, Compare) and len(above) < _DEEPEST
        wanted = self._named(condition, asked=True) if deeper and isinstance(condition, Compare) else ()
        because = [self.why_not(each, above) for each in wanted if f"{each.kind} {each.name}" not in above]
        return Missing(
            words=self.wording.clause(condition),
            must_hold=must_hold,
            shown=self._shown(traced),
            short_of=short_of(traced, self.wording) if must_hold else "",
            because=tuple(each for each in because if each.clauses),
        )

    def _clause(self, traced: Trace, above: tuple[str, ...]) -> Clause:
        condition = traced.condition
        parts = tuple(self._clause(part, above) for part in _flat(traced))
        name = condition.name if isinstance(condition, Compare) else None
        return Clause(
            kind=_kind(condition),
            words=self.wording.clause(condition),
            verdict=traced.verdict,
            name=name,
            value=traced.value,
            shown=self._shown(traced),
            found=traced.found,
            behind=self._behind(condition),
            because=self._because(condition, above) if isinstance(condition, Compare) else (),
            parts=parts,
        )

    def _behind(self, condition: Condition) -> Behind | None:
        match condition:
            case Compare(name=name):
                return self._sources.behind(name, self.case.facts, self.case.at, self.values)
            case Did() as did:
                return counted_events(did, self._known, self._catalogue)
            case _:
                return None

    def _shown(self, traced: Trace) -> str:
        match traced.condition:
            case Compare() as asked:
                return self.wording.met(asked, traced.value)
            case Did():
                return f"{traced.found} found" if traced.found else "none found"
            case _:
                return ""

    def _because(self, compare: Compare, above: tuple[str, ...]) -> tuple[Proof, ...]:
        """Proofs of the parts of standing that a clause names."""
        if len(above) >= _DEEPEST:
            return ()
        named = self._named(compare, asked=False)
        return tuple(self.proof(each, above) for each in named if f"{each.kind} {each.name}" not in above)

    def _named(self, compare: Compare, *, asked: bool) -> Sequence[Subject]:
        """The rules that a clause names: tags and segments; of stages and tiers the one held, or those asked for."""
        kind = _NAMED.get(compare.name)
        if kind is None or compare.operator in ("known", "unknown"):
            return ()
        listed = [str(each) for each in (compare.operands or (compare.operand,)) if each is not None]
        if compare.name in ("tags", "segments"):
            names = [each for each in listed if not asked or each not in getattr(self.standing, compare.name)]
        else:
            held = getattr(self.standing, compare.name)
            names = listed if asked else [held] if held is not None else []
        return [subject for name in names if (subject := self._subject(kind, name)) is not None]

    def _subject(self, kind: str, name: str) -> Subject | None:
        try:
            return find_subject(self.rules, f"{kind}/{name}")
        except LookupError:  # a tag that an earlier version of the rules had
            return None


def has(standing: Standing, kind: str, name: str) -> bool:
    """Whether a standing has a tag, segment, stage, tier or RFM group."""
    if kind in ("tag", "segment"):
        return name in getattr(standing, f"{kind}s")
    return bool(getattr(standing, kind) == name)


def _flat(traced: Trace) -> Iterator[Trace]:
    """The parts; those of an `all` in an `all` as if they were written there."""
    for part in traced.parts:
        if isinstance(traced.condition, All) and isinstance(part.condition, All) and part.parts:
            yield from _flat(part)
        else:
            yield part


def _kind(condition: Condition) -> str:
    match condition:
        case All():
            return "all"
        case Any():
            return "any"
        case Not():
            return "not"
        case Did():
            return "did"
        case StepIs():
            return "step"
        case Compare():
            return "compare"
