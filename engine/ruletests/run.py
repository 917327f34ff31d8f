"""Runs tests of rules: the fold, the decision and the trace of production, over facts from the test alone."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from engine.attributes.fold import compile_fold
from engine.attributes.relations import EVENT_SOURCES
from engine.conditions.ast import dids
from engine.conditions.environment import Catalogue, Happening, Known
from engine.conditions.trace import Trace, trace
from engine.conditions.types import Type, Value
from engine.facts.evaluate import Evaluator
from engine.facts.happenings import happenings
from engine.language.rules import Rules
from engine.ruletests.case import SETS, Case, Difference, Expected, Members, Outcome
from engine.ruletests.clauses import decisive, rfm_decisions, tier_decisions, wholes
from engine.ruletests.playing import Playing
from engine.ruletests.words import set_text, told, value_text
from engine.standing.decide import STANDING_TYPES, Decide, Decision
from engine.standing.order import conditions


class Runner:
    """Compiled rules: `runner(case)` gives the outcome. Rules are compiled once for each reporting currency.

    Args:
        rules: what is tested.
        like: a runner of rules with the same attributes and words, whose compiled ones are used.
    """

    def __init__(self, rules: Rules, like: "Runner | None" = None) -> None:
        self._rules = rules
        self._playing = Playing(rules)
        self._benches: dict[str | None, _Bench] = {}
        self.attributes: dict[str | None, Attributes] = {} if like is None else like.attributes

    def __call__(self, case: Case) -> Outcome:
        """What became of a test."""
        if case.scenario is not None:
            return self._playing(case, case.scenario)
        if case.currency not in self._benches:
            if case.currency not in self.attributes:
                self.attributes[case.currency] = Attributes(self._rules, case.currency)
            self._benches[case.currency] = _Bench(self._rules, self.attributes[case.currency])
        return self._benches[case.currency].run(case)


def run_all(rules: Rules, cases: Iterable[Case]) -> Iterator[Outcome]:
    """The outcomes of tests, in their order."""
    runner = Runner(rules)
    return (runner(case) for case in cases)


class Attributes:
    """The attributes compiled for one reporting currency."""

    def __init__(self, rules: Rules, currency: str | None) -> None:
        evaluator = Evaluator(rules.catalogue, currency, words=rules.words)
        self.known, self.fields, self.currency = evaluator.catalogue, evaluator.event_fields, currency
        self.fold = compile_fold(rules.catalogue, currency=currency, words=rules.words)


class _Bench:
    """The rules compiled for one reporting currency."""

    def __init__(self, rules: Rules, attributes: Attributes) -> None:
        known = attributes.known
        self.rules, self.currency, self.fields = rules, attributes.currency, attributes.fields
        self.catalogue = Catalogue({**known.types, **STANDING_TYPES}, known.events, known.currency)
        self.fold = attributes.fold
        self.decide = Decide(rules.standing, known, rules.policy.zone)
        self.wholes = wholes(rules.standing)
        whens = [when for each in conditions(rules.standing).values() for when in each]
        self.events = frozenset(did.event for when in whens for did in dids(when)) & EVENT_SOURCES.keys()

    def run(self, case: Case) -> Outcome:
        """Evaluates one case and compares."""
        scene = _Scene(self, case)
        differences = [each for expected in case.expected if (each := scene.difference(expected)) is not None]
        return Outcome(case, tuple(differences), scene.decided())


class _Scene:
    """One case, evaluated."""

    def __init__(self, bench: _Bench, case: Case) -> None:
        self._bench, self._case = bench, case
        self._values = bench.fold(case.facts, case.at)
        self._events: dict[str, list[Happening]] = happenings(
            (), case.facts, bench.events, fields=bench.fields, currency=bench.currency, words=bench.rules.words
        )
        for kind, happening in case.events:
            self._events.setdefault(kind, []).append(happening)
        self._decision: Decision = bench.decide(
            self._values,
            case.at,
            cut_offs=case.cut_offs,
            previous=case.previous,
            hand_tags=case.hand_tags,
            events=self._events,
        )

    @cached_property
    def _environment(self) -> Known:
        standing = self._decision.standing
        decided = {name: getattr(standing, name) for name in STANDING_TYPES}
        return Known(self._case.at, {**self._values, **decided}, self._events)

    def difference(self, expected: Expected) -> Difference | None:
        """What is not as expected, and why."""
        found = self._found(expected.what)
        if isinstance(expected.value, Members):
            held = found if isinstance(found, frozenset) else frozenset[str]()
            if expected.value.met_by(held):
                return None
            return Difference(
                expected.what, expected.at, _wanted(expected.value), set_text(held), self._why_set(expected, held)
            )
        if expected.what == "stage" and len(self._decision.stages) > 1:
            stages = " and ".join(self._decision.stages)
            why = tuple(self._why_name(expected))
            return Difference(expected.what, expected.at, self._told("stage", expected.value), stages, why)
        if found == expected.value and isinstance(found, bool) == isinstance(expected.value, bool):
            return None
        wanted, got = (self._told(expected.what, value) for value in (expected.value, found))
        return Difference(expected.what, expected.at, wanted, got, tuple(self._why_name(expected)))

    def _found(self, what: str) -> Value:
        name = what.removeprefix("attribute ")
        return self._values.get(name) if name != what else getattr(self._decision.standing, what)

    def _told(self, what: str, value: Value) -> str:
        name = what.removeprefix("attribute ")
        if name == what:
            return "none" if value is None else str(value)
        return value_text(value, self._bench.rules.catalogue[name].type, self._bench.currency)

    def _why_set(self, expected: Expected, found: frozenset[str]) -> tuple[str, ...]:
        if expected.what not in SETS or not isinstance(expected.value, Members):
            return ()
        wanted = expected.value.includes if expected.value.exact is None else expected.value.exact
        unwanted = expected.value.excludes if expected.value.exact is None else found - expected.value.exact
        kind = expected.what.removesuffix("s")
        wrong = sorted((wanted - found) | (unwanted & found))
        return tuple(line for name in wrong for line in self._proof(f"{kind} {name}", holds=name in found))

    def _why_name(self, expected: Expected) -> Iterator[str]:
        if expected.what == "stage":
            held = self._decision.stages
            for name in dict.fromkeys((expected.value, *held)):
                if isinstance(name, str):
                    yield from self._proof(f"stage {name}", holds=name in held)
            if len(held) > 1:
                yield f"a customer is in one stage: {' and '.join(held)} overlap"
        elif expected.what in ("tier", "rfm_group") or expected.what.startswith("rfm_"):
            yield from self._why_ranked("tier" if expected.what == "tier" else "rfm")

    def _why_ranked(self, rule: str) -> Iterator[str]:
        cut_offs, rules = self._case.cut_offs, self._bench.rules.standing
        if (cut_offs is None) or (cut_offs.tiers if rule == "tier" else cut_offs.rfm) is None:
            yield f"the test gives no cut_offs of {'tiers' if rule == 'tier' else 'rfm'}"
            return
        if rule in self._bench.wholes:
            yield from self._proof(rule, holds=self._traced(rule).verdict)
        named = [rules.tiers.rank_by] if rule == "tier" and rules.tiers else []
        if rule == "rfm" and rules.rfm:
            named = [each.attribute for each in (rules.rfm.recency, rules.rfm.frequency, rules.rfm.monetary)]
        for name in named:
            kind = self._bench.catalogue.types.get(name)
            yield f"{name} is {value_text(self._values.get(name), kind, self._bench.currency)}"
        if rule == "tier" and self._case.previous is not None and self._case.previous.tier is not None:
            yield f"the tier before was {self._case.previous.tier}: it is kept until the review and the grace are over"

    def _traced(self, rule: str) -> Trace:
        return trace(self._bench.wholes[rule][""], self._environment, self._bench.catalogue)

    def _proof(self, rule: str, *, holds: bool) -> Iterator[str]:
        """The clauses that decided a rule; where none did alone, all of them."""
        kind, _, name = rule.partition(" ")
        title = f"{kind} {name}" if name else f"base of {kind}"
        if rule not in self._bench.wholes:
            yield f"{title} is given by hand only"
            return
        yield f"{title} {'holds' if holds else 'does not hold'}:"
        traced = self._traced(rule)
        deciding = [each for _, each in decisive(traced)] or list(_leaves(traced))
        for each in deciding:
            yield f"  {told(each, self._type(each), self._bench.currency)}"
        if traced.verdict is not holds:
            yield "  (a hand tag, or an expired one, makes the difference)"

    def _type(self, leaf: Trace) -> Type | None:
        return self._bench.catalogue.types.get(getattr(leaf.condition, "name", ""))

    def decided(self) -> dict[str, frozenset[bool]]:
        """The clauses that decided something which the test expects."""
        decided: dict[str, set[bool]] = {}
        for rule in self._concerned():
            for path, leaf in decisive(self._traced(rule)):
                decided.setdefault(f"{rule}{path}", set()).add(leaf.verdict)
        for key, verdict in self._ranked():
            decided.setdefault(key, set()).add(verdict)
        return {key: frozenset(each) for key, each in decided.items()}

    def _concerned(self) -> Iterator[str]:
        """Rules of whose verdict the test says something."""
        said = {each.what: each.value for each in self._case.expected}
        for rule in self._bench.wholes:
            kind, _, name = rule.partition(" ")
            of = said.get(f"{kind}s")
            named = isinstance(of, Members) and of.concerns(name)
            if named or (kind in ("stage", "tier") and kind in said) or (kind == "rfm" and _of_rfm(said)):
                yield rule

    def _ranked(self) -> Iterator[tuple[str, bool]]:
        said = {each.what: each.value for each in self._case.expected}
        standing, cut_offs = self._bench.rules.standing, self._case.cut_offs
        if "tier" in said and standing.tiers is not None and self._traced_holds("tier"):
            yield from tier_decisions(standing, self._values.get(standing.tiers.rank_by), cut_offs).items()
        if "rfm_group" in said and self._traced_holds("rfm"):
            yield from rfm_decisions(standing, self._values, cut_offs).items()

    def _traced_holds(self, rule: str) -> bool:
        return rule not in self._bench.wholes or self._traced(rule).verdict


def _of_rfm(said: Mapping[str, object]) -> bool:
    return any(what.startswith("rfm_") for what in said)


def _leaves(traced: Trace) -> Iterator[Trace]:
    if traced.parts:
        for part in traced.parts:
            yield from _leaves(part)
    else:
        yield traced


def _wanted(members: Members) -> str:
    if members.exact is not None:
        return f"exactly {set_text(members.exact)}"
    parts = [f"includes {set_text(members.includes)}"] if members.includes else []
    return " and ".join(parts + ([f"excludes {set_text(members.excludes)}"] if members.excludes else []))
