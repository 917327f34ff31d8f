"""The rules as the simulator needs them, compiled once for many worlds."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache

from engine.facts.compiled import Compiled
from engine.facts.event_contracts import Contract, load_contracts
from engine.facts.matching import EventMatcher
from engine.journeys.plan import CalendarTrigger, DateTrigger, EveryTrigger, Plan, StartPlaybook
from engine.language.rules import Rules
from engine.language.uses import with_used_standing
from engine.standing.judge import Judge


@dataclass(frozen=True, slots=True)
class Dated:
    """A trigger of the calendar of a live playbook."""

    plan: Plan
    trigger: CalendarTrigger


class Bench:
    """Compiled rules for worlds of one reporting currency.

    Args:
        rules: the project's rules.
        currency: the reporting currency.
        playbooks: which of them start journeys, with those that they start by a step; default: all.
        compiled: attributes and conditions of the same rules and currency, if somebody has compiled them already.
    """

    def __init__(
        self,
        rules: Rules,
        currency: str | None,
        playbooks: Collection[str] | None = None,
        compiled: Compiled | None = None,
    ) -> None:
        plans = dict(rules.plans) if playbooks is None else dict(_with_started(rules, playbooks))
        # Standing is decided only as far as one of these playbooks uses it.
        self.rules = with_used_standing(replace(rules, plans=plans))
        self.named = None if playbooks is None else frozenset(playbooks)
        self.compiled = compiled or Compiled(rules.catalogue, currency, words=rules.words)
        self.currency, self.policy = currency, rules.policy
        self.matcher = EventMatcher(_contracts(), currency)
        # By the rules as a whole: where there are any, tags that somebody gives count too.
        own = rules.standing
        self.decides = bool(own.tags or own.segments or own.lifecycle or own.tiers or own.rfm)
        used, known = self.rules.standing, self.compiled.catalogue
        self.judge = Judge(used, rules.catalogue, known, rules.policy.zone, rules.words)
        self.starting = tuple(plan for plan in plans.values() if plan.starts and self._named(plan))
        self.dated = tuple(
            Dated(plan, each)
            for plan in self.starting
            for each in plan.start.any
            if isinstance(each, DateTrigger | EveryTrigger)
        )
        self.kinds = frozenset(kind for plan in plans.values() for kind in plan.events())

    def _named(self, plan: Plan) -> bool:
        return self.named is None or plan.playbook in self.named


def _with_started(rules: Rules, playbooks: Collection[str]) -> Iterator[tuple[str, Plan]]:
    unseen, seen = list(playbooks), set()
    while unseen:
        name = unseen.pop()
        plan = rules.plans.get(name)
        if plan is not None and name not in seen:
            seen.add(name)
            unseen += [each.given["playbook"] for each in plan.code if isinstance(each, StartPlaybook)]
            yield name, plan


@cache
def _contracts() -> dict[str, Contract]:
    return load_contracts()
