"""The trigger `{when: CONDITION}`: a condition that turns from false to true.

It is a segment without a name of the author's. So it turns, is judged for the first time and flips as segments do.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from engine.journeys.plan import ChangeTrigger, Plan
from engine.language.conditions import compile_condition
from engine.language.issues import Report
from engine.language.located import Entry, is_nothing
from engine.language.scope import Scope
from engine.language.words import condition as in_words
from engine.standing.definition import SegmentRule, StandingRules
from engine.standing.order import UNNAMED, dependency_order


def compile_when(entry: Entry, scope: Scope, report: Report) -> ChangeTrigger | None:
    """Reads the condition under `when`, which asks of the customer alone."""
    if is_nothing(entry.value):
        report.error("RG203", entry.span, "nothing", "a condition such as {country: DE}")
        return None
    found = compile_condition(entry.value, replace(scope, scoped={}), report)
    if found is None:
        return None
    digest = hashlib.sha256(found.model_dump_json().encode()).hexdigest()[:8]
    return ChangeTrigger(change="enters", kind="segment", names=(f"{UNNAMED}{digest}",), when=found)


def with_conditions(rules: StandingRules, plans: Iterable[Plan]) -> StandingRules:
    """The rules of standing with the conditions of the plans' triggers, each once."""
    segments = {each.name: each for plan in plans for each in _segments(plan)}
    if not segments:
        return rules
    found = rules.model_copy(update={"segments": (*rules.segments, *segments.values())})
    return found.model_copy(update={"order": dependency_order(found)})


def _segments(plan: Plan) -> Iterator[SegmentRule]:
    heard = (trigger for _, triggers in plan.heard() for trigger in triggers)
    for trigger in (*plan.start.any, *plan.stop, *(plan.goal.any if plan.goal else ()), *heard):
        if isinstance(trigger, ChangeTrigger) and trigger.when is not None:
            yield SegmentRule(name=trigger.names[0], title=in_words(trigger.when), when=trigger.when)
