"""Runs tests of playbooks in the simulator, and compares what journeys did with what was expected."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import instant
from engine.facts.compiled import Compiled
from engine.journeys.experiment import arm_of
from engine.journeys.plan import Plan, Split
from engine.language.rules import Rules
from engine.messages.holdout import held_out
from engine.ruletests.case import Case, Difference, Line, Outcome
from engine.ruletests.scenario import QUIET, Scenario, Wanted
from engine.ruletests.sequence import Comparison, compared, side_by_side
from engine.simulation.bench import Bench
from engine.simulation.customer import Customer
from engine.simulation.history import History
from engine.simulation.log import Entry
from engine.simulation.world import World

SETTLED = timedelta(days=31)
"""So long after its last fact a test waits for a first journey to begin."""
_MOST_TRIED = 100_000
_LONGEST = timedelta(days=3653)


class Playing:
    """Compiled rules: `playing(case)` gives the outcome. Each playbook is compiled once for each currency."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._benches: dict[tuple[str | None, str], Bench] = {}
        self._compiled: dict[str | None, Compiled] = {}
        self._keys: dict[tuple[str, bool], str] = {}

    def __call__(self, case: Case, scenario: Scenario) -> Outcome:
        """What became of a test."""
        world = self._play(case, scenario)
        found = _journeys(world, scenario.playbook)
        differences = (*_differences(case, scenario, found), *_unheard(scenario, world))
        return Outcome(case, differences, ways=frozenset(world.ways))

    def _play(self, case: Case, scenario: Scenario) -> World:
        bench, start = self._bench(case.currency, scenario.playbook), instant(case.at)
        facts = _named(case.facts, self._key(scenario))
        customer = Customer(
            facts.customer_id,
            History(bench, facts, scenario.told),
            list(case.hand_tags),
            case.cut_offs,
            case.previous,
            scenario.answers,
            known=case.previous is not None or _known_before(case),
        )
        world = World(bench, [customer], start, numbers=_numbers(self._rules.plans[scenario.playbook], scenario.arms))
        until = start + _LONGEST if scenario.until is None else instant(scenario.until)
        world.run(until, settled=SETTLED if scenario.until is None else None)
        return world

    def _bench(self, currency: str | None, playbook: str) -> Bench:
        if (currency, playbook) not in self._benches:
            if currency not in self._compiled:
                self._compiled[currency] = Compiled(self._rules.catalogue, currency, words=self._rules.words)
            rules = _live(self._rules, playbook)
            self._benches[currency, playbook] = Bench(rules, currency, {playbook}, self._compiled[currency])
        return self._benches[currency, playbook]

    def _key(self, scenario: Scenario) -> str:
        """A key of the shop's by which the customer is in the playbook's holdout, or in none."""
        asked = scenario.playbook, scenario.holdout
        if asked not in self._keys:
            self._keys[asked] = self._found(scenario)
        return self._keys[asked]

    def _found(self, scenario: Scenario) -> str:
        share, policy = self._rules.plans[scenario.playbook].controls.holdout, self._rules.policy.holdout
        keys = (f"customer-{number}" for number in range(1, 100_000))
        wanted = (
            key
            for key in keys
            if held_out(key, share, scenario.playbook) is scenario.holdout and not held_out(key, policy)
        )
        return next(wanted, "customer")


def _live(rules: Rules, playbook: str) -> Rules:
    """The rules with the playbook live, so that a draft can be tested before it is."""
    plan = rules.plans[playbook].model_copy(update={"status": "live"})
    policy = rules.policy.model_copy(update={"mode": "live"})
    return replace(rules, plans={**rules.plans, playbook: plan}, policy=policy)


def _named(facts: CustomerFacts, key: str) -> CustomerFacts:
    row = list(facts.rows["customer"][0])
    row[RELATIONS["customer"].slots["key"]] = key
    return CustomerFacts(facts.customer_id, facts.zone, {**facts.rows, "customer": [tuple(row)]})


def _numbers(plan: Plan, arms: Mapping[str, str]) -> int:
    """What to add to the number of the first subject so that it gets these arms."""
    experiments = [step for step in plan.code if isinstance(step, Split) and step.id in arms]

    def fits(numbers: int) -> bool:
        subject = f"{plan.subject}-{1 + numbers}"
        found = ((step, arm_of(f"{subject}/{step.id}", [arm.share for arm in step.arms])) for step in experiments)
        return all(step.arms[place].name == arms[step.id] for step, place in found)

    return next(filter(fits, range(_MOST_TRIED)), 0) if experiments else 0


def _known_before(case: Case) -> bool:
    since = case.facts.rows["customer"][0][RELATIONS["customer"].slots["known_since"]]
    return isinstance(since, int) and since < case.at


def _journeys(world: World, playbook: str) -> list[list[Entry]]:
    numbers = [journey.number for journey in world.journeys if journey.plan.playbook == playbook]
    return [[entry for entry in world.entries if entry.journey == number] for number in numbers]


def _differences(case: Case, scenario: Scenario, found: list[list[Entry]]) -> Iterable[Difference]:
    wanted = scenario.journeys
    if len(wanted) != len(found):
        counts = (_count(len(wanted)), _count(len(found)))
        lines = tuple(line for entries in found for line in side_by_side(case, Comparison((), entries)))
        head = (Line(counts[0], counts[1], same=False),)
        yield Difference("journeys", scenario.span, *counts, table=(*head, *lines))
        return
    for number, (expected, entries) in enumerate(zip(wanted, found, strict=True), 1):
        comparison = compared(expected, [entry for entry in entries if _counts(entry, expected)])
        if comparison.different:
            at = comparison.first or scenario.span
            name = "the journey" if len(wanted) == 1 else f"journey {number}"
            table = tuple(side_by_side(case, comparison))
            texts = (_texts(line[0] for line in table), _texts(line[1] for line in table))
            yield Difference(name, at, *texts, table=table)


def _unheard(scenario: Scenario, world: World) -> Iterator[Difference]:
    """Answers that nobody asked for: a click on a message that had not been sent by then, a step that was not taken."""
    for step, answer in scenario.answers.items():
        heard = set(_heard(world, step))
        wanted = [*answer.responses, *(name for name in _ASKED if getattr(answer, name) not in (None, {}))]
        for name in wanted:
            if name not in heard:
                found = "nothing was there to answer by then"
                yield Difference(f"answers of {step}", scenario.span, name, found)


_ASKED = ("failed", "redeemed", "closed", "fields")


def _heard(world: World, step: str) -> Iterator[str]:
    """What was answered of a step."""
    for journey in world.journeys:
        for message in journey.messages:
            yield from message["responses"] if message["step"] == step else ()
        task = journey.tasks.get(step)
        if task is not None and task.closed_at is not None and task.closed_at >= task.opened_at:
            yield "closed"
        if (journey.number, step) in journey.customer.redeemed:
            yield "redeemed"
        yield from ("fields" for (name, _), call in journey.calls.items() if name == step and call.answer)
    yield from ("failed" for entry in world.entries if entry.what == "failed" and entry.name == step)


def _counts(entry: Entry, expected: tuple[Wanted, ...]) -> bool:
    return entry.what not in QUIET or any(each.what == entry.what for each in expected)


def _count(number: int) -> str:
    return "no journey" if number == 0 else f"{number} journey{'' if number == 1 else 's'}"


def _texts(texts: Iterable[str]) -> str:
    return "; ".join(text for text in texts if text)
