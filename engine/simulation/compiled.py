"""Rules made ready for simulating some of their playbooks: what starts journeys, what these hear, who judges."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain

from engine.attributes.relations import EVENT_SOURCES
from engine.conditions.compile import RowPredicate
from engine.dispatch.uses import used_parts
from engine.explain.members import rules_for
from engine.facts.evaluate import evaluator
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.journeys.campaign import Campaign
from engine.journeys.plan import CalendarTrigger, ChangeTrigger, DateTrigger, EventTrigger, EveryTrigger, Plan, Trigger
from engine.language.rules import Rules
from engine.simulation.moments import Days
from engine.simulation.questions import Questions
from engine.standing.cut_offs import Published
from engine.standing.definition import StandingRules
from engine.standing.judge import Judge
from engine.standing.order import OF_SCORES
from engine.standing.pruned import only


class Compiled:
    """The rules for simulating some of their playbooks, compiled for one reporting currency.

    Args:
        rules: the rules.
        playbooks: which of their playbooks start journeys; others are only started by a step.
        currency: the reporting currency.
        campaigns: those that run.
        parts: of standing, that are decided besides those that these use.
    """

    def __init__(
        self,
        rules: Rules,
        playbooks: Sequence[str],
        currency: str | None,
        campaigns: Sequence[Campaign] = (),
        parts: Collection[str] = (),
    ) -> None:
        self.plans = [rules.plans[name] for name in playbooks]
        self.campaigns, self.parts = campaigns, parts
        self.evaluator = evaluator(rules.catalogue, currency, rules.words)
        self.questions = Questions(self.evaluator)
        self.matcher = EventMatcher(load_contracts(), currency)
        self.rules = rules
        self.started_by_changes = [
            (plan, kinds) for plan in self.plans if plan.subject == "customer" and (kinds := _kinds(plan.start.any))
        ]
        self.triggers = [
            (plan, trigger)
            for plan in self.plans
            for trigger in plan.start.any
            if isinstance(trigger, DateTrigger | EveryTrigger)
        ]
        self._days: dict[tuple[int, str], Days] = {}
        self._heard: dict[int, tuple[Plan, Heard]] = {}
        self._needed: tuple[Published, Published] = (), ()
        self._meant: dict[tuple[int, str], tuple[object, Tests]] = {}

    @cached_property
    def told(self) -> frozenset[str]:
        """Kinds of events that no row of facts tells."""
        return frozenset(self.matcher.contracts) - EVENT_SOURCES.keys()

    @cached_property
    def judge(self) -> Judge | None:
        """Who decides the standing that the playbooks use; none where they use none."""
        own = self.rules
        names = {plan.playbook for plan in self.plans}
        live = {name: plan.model_copy(update={"status": "live"}) for name, plan in own.plans.items() if name in names}
        parts = used_parts(replace(own, plans=live), self.campaigns)
        used = only(own.standing, *sorted({*parts, *self.parts}))
        if not (used.tags or used.segments or used.lifecycle or used.tiers or used.rfm):
            return None
        return self._judge(used)

    def needed(self, published: Published) -> Published:
        """Cut-offs as far as somebody asks what follows from them: scores turn often, and are named seldom."""
        if self._asks_scores:
            return published
        if self._needed[0] is not published:
            self._needed = published, tuple((at, each.without_scores()) for at, each in published)
        return self._needed[1]

    @cached_property
    def _asks_scores(self) -> bool:
        own = self.rules
        asking = (own.standing, own.policy, *own.plans.values(), *self.campaigns)
        return any(name in each.model_dump_json() for each in asking for name in OF_SCORES)

    @cached_property
    def audiences(self) -> Sequence[Judge]:
        """Who tells whether a customer is in the audience, for each campaign."""
        return [self._judge(rules_for(self.rules.standing, each.audience)) for each in self.campaigns]

    def _judge(self, standing: StandingRules) -> Judge:
        own = self.rules
        return Judge(standing, own.catalogue, self.evaluator.catalogue, own.policy.zone, own.words, proven=False)

    @cached_property
    def starting(self) -> Mapping[str, Sequence[Plan]]:
        """The plans that a kind of event may start."""
        kinds = self.questions.kinds
        every = frozenset(chain.from_iterable(kinds(plan.start.any) for plan in self.plans))
        return {kind: [plan for plan in self.plans if kind in kinds(plan.start.any)] for kind in every}

    @cached_property
    def moved_by_facts(self) -> Sequence[int]:
        """The numbers of the triggers whose date is not one of the customer's own record."""
        dates = {number: each for number, (_, each) in enumerate(self.triggers) if isinstance(each, DateTrigger)}
        return [number for number, each in dates.items() if not self.questions.of_record(each.date)]

    def meant(self, triggers: Sequence[Trigger | CalendarTrigger], kind: str) -> "Tests":
        """What must hold of the fields of an event of a kind, for each of the triggers that name it."""
        found = self._meant.get((id(triggers), kind))
        if found is None:
            named = (each for each in triggers if isinstance(each, EventTrigger) and each.event == kind)
            tests = tuple(None if each.where is None else self.matcher.test(each.where, kind) for each in named)
            found = self._meant[id(triggers), kind] = (triggers, tests)
        return found[1]

    def heard(self, plan: Plan) -> "Heard":
        """What a plan's journeys listen for."""
        found = self._heard.get(id(plan))
        if found is None:
            found = self._heard[id(plan)] = (plan, Heard(plan, self.questions))
        return found[1]

    def days(self, number: int, trigger: EveryTrigger, zone: str) -> Days:
        """The moments of a trigger in a zone; `number` is the trigger's."""
        found = self._days.get((number, zone))
        if found is None:
            found = self._days[number, zone] = Days(trigger, zone)
        return found


Tests = Sequence[RowPredicate | None]
"""Conditions over the fields of an event, compiled; none where the event alone is meant."""


class Heard:
    """What a plan's journeys listen for: the steps that are told of something, and the kinds of events."""

    __slots__ = ("changes", "kinds", "steps")

    def __init__(self, plan: Plan, questions: Questions) -> None:
        self.steps = tuple(plan.heard())
        listened = (plan.stop, *(triggers for _, triggers in self.steps))
        self.kinds = frozenset(chain.from_iterable(questions.kinds(each) for each in listened))
        self.changes = _kinds(chain.from_iterable(listened))


def _kinds(triggers: Iterable[Trigger | CalendarTrigger]) -> frozenset[str]:
    """The kinds of changes that triggers name."""
    return frozenset(each.kind for each in triggers if isinstance(each, ChangeTrigger))
