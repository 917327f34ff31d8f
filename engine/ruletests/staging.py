"""What a test of a playbook says beside its facts, from located YAML."""

from collections.abc import Mapping

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.journeys.plan import Plan, Split, StartPlaybook
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Node, Scalar, found
from engine.language.rules import Rules
from engine.language.validate import mapping
from engine.ruletests.answering import read_answers
from engine.ruletests.events import read_told
from engine.ruletests.moments import Moments
from engine.ruletests.scenario import Scenario
from engine.ruletests.wanting import read_journeys


def read_scenario(
    parts: Mapping[str, Entry], facts: CustomerFacts, rules: Rules, moments: Moments, report: Report
) -> Scenario | None:
    """The scenario; None if its playbook is none that could run."""
    plans = _plans(parts["playbook"], rules, report)
    if not plans:
        return None
    expect = parts["expect"]
    orders = {str(row[_NUMBER]): place for place, row in enumerate(facts.rows["orders"], 1)}
    return Scenario(
        playbook=next(iter(plans)),
        journeys=read_journeys(expect.value, plans, moments, report),
        told=read_told(parts["events"].value, orders, moments, report) if "events" in parts else (),
        answers=read_answers(parts["answers"].value, plans, moments, report) if "answers" in parts else {},
        until=moments.read(parts["until"].value, report) if "until" in parts else None,
        holdout=_truth(parts.get("holdout"), report),
        arms=_arms(parts["arms"].value, next(iter(plans.values())), report) if "arms" in parts else {},
        span=expect.span,
    )


_NUMBER = RELATIONS["orders"].slots["number"]


def _plans(entry: Entry, rules: Rules, report: Report) -> dict[str, Plan]:
    """The playbook under test, and those that it starts by a step."""
    name = entry.value.text if isinstance(entry.value, Scalar) else ""
    plan = rules.plans.get(name)
    if plan is None:
        known = sorted(rules.plans)
        broken = f"playbook {name}" in rules.disabled
        hint = "it has errors: `regulars check` tells them" if broken else did_you_mean(name, known)
        expected = f"a sound playbook{': ' if known else ''}{one_of(known, 12) if known else ''}"
        report.error("RG322", entry.value.span, found(entry.value), expected, hint)
        return {}
    started = (each.given["playbook"] for each in plan.code if isinstance(each, StartPlaybook))
    return {name: plan, **{other: rules.plans[other] for other in started if other in rules.plans}}


def _arms(node: Node, plan: Plan, report: Report) -> dict[str, str]:
    """`arms: {wording: short}`: the arm of each experiment."""
    experiments = {step.id: step for step in plan.code if isinstance(step, Split)}
    held, arms = mapping(node, report, "the arm of each experiment"), {}
    for entry in held or ():
        step = experiments.get(entry.key)
        name = entry.value.text if isinstance(entry.value, Scalar) else ""
        known = [arm.name for arm in step.arms if arm.share] if step else []
        if step is None:
            expected = one_of(sorted(experiments)) if experiments else "an experiment, of which this playbook has none"
            report.error("RG308", entry.span, entry.key, expected, did_you_mean(entry.key, experiments))
        elif name not in known:
            report.error("RG212", entry.value.span, found(entry.value), one_of(known), did_you_mean(name, known))
        else:
            arms[entry.key] = name
    return arms


def _truth(entry: Entry | None, report: Report) -> bool:
    value = entry.value.value if entry is not None and isinstance(entry.value, Scalar) else None
    if entry is not None and not isinstance(value, bool):
        report.error("RG203", entry.value.span, found(entry.value), "true or false")
    return value is True
