"""By which rules a test runs on the real path, whose customer it is, and what of its assumptions cannot be had there.

As in the simulation the playbooks of the test are live, whatever their status, and capacities and channels have room.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count, islice

from engine.dispatch.uses import with_used_standing
from engine.journeys.plan import Call, Coupon, Plan, Send, StartPlaybook, Step, Webhook
from engine.language.rules import Rules
from engine.messages.holdout import kept_out
from engine.policy import Policy
from engine.ruletests.case import Case, Difference
from engine.ruletests.story import Story
from engine.simulation.log import Entry

PATIENCE = 10
"""Seconds for which a step that fails is tried again: no test waits for a day."""
_KEYS = 100_000
"""So many names of a customer are tried for one whom the holdouts treat as the test says."""
WEBHOOK_REFUSED = "webhook_refused"
POOL_EMPTY = "pool_empty"
UNANSWERED = "unanswered"
"""Why an activity fails for which the test has no answer that is one of its kind."""


@dataclass(frozen=True)
class Terms:
    """What a test runs by. `plans` are its playbooks and those that they start; `key` names the customer."""

    rules: Rules
    plans: Mapping[str, Plan]
    key: str


def terms(rules: Rules, case: Case, story: Story) -> Terms | tuple[Difference, ...]:
    """The terms of a test, or what of it the real path cannot give."""
    plans = dict(_reached(rules, story))
    cannot = tuple(_cannot(plans, story))
    if cannot:
        return cannot
    policy = _roomy(rules.policy, case.currency)
    key = _key(policy, plans, holdout=bool(story.assumed.holdout))
    if key is None:
        said = f"holdout: {str(bool(story.assumed.holdout)).lower()}"
        return (_not_here(story, "holdout", said, "no customer is treated so by all holdouts"),)
    used = {name: _ready(plan, starts=name in story.playbooks) for name, plan in plans.items()}
    return Terms(with_used_standing(replace(rules, plans=used, policy=policy)), used, key)


def steps(plans: Mapping[str, Plan]) -> Iterator[Step]:
    """All steps of some playbooks."""
    return (step for plan in plans.values() for step in plan.code)


def pools(plans: Mapping[str, Plan], story: Story, *, empty: bool) -> frozenset[str]:
    """The pools of which a step must find none left, or all others that steps give codes of."""
    coupons = [each for each in steps(plans) if isinstance(each, Coupon)]
    failing = frozenset(each.given["pool"] for each in coupons if each.id in story.assumed.failing)
    return failing if empty else frozenset(each.given["pool"] for each in coupons) - failing


def not_assumed(plans: Mapping[str, Plan], story: Story, log: Iterable[Entry]) -> Difference | None:
    """That the world outside did what the test does not say, because here it can do no other."""
    drained = pools(plans, story, empty=True)
    for each in log:
        failing = story.assumed.failing
        if each.what == "coupon" and each.reason == POOL_EMPTY and each.name not in failing:
            if each.more.get("pool") in drained:
                other = next(iter(failing))
                said = f"failing: {{{other}: {POOL_EMPTY}}}"
                return _not_here(story, f"failing {other}", said, f"{each.name} gives codes of the same pool")
        elif each.what == "call" and each.reason == UNANSWERED:
            why = "the activity declares an answer, and this is none"
            return _not_here(story, f"answers {each.name}", f"answers: {{{each.name}: …}}", why)
    return None


def _not_here(story: Story, place: str, said: str, why: str) -> Difference:
    """What the test says and the real path cannot give, at its place."""
    return Difference("happens", story.assumed_at.get(place, story.span), said, f"not on the real path: {why}")


def _reached(rules: Rules, story: Story) -> Iterator[tuple[str, Plan]]:
    names = list(story.playbooks)
    for name in names:
        plan = rules.plans.get(name)
        if plan is None:
            continue
        yield name, plan
        started = [each.given["playbook"] for each in plan.code if isinstance(each, StartPlaybook)]
        names += [each for each in started if each not in names]


def _ready(plan: Plan, *, starts: bool) -> Plan:
    """Live; one that is no playbook of the test's begins by a step alone."""
    start = plan.start if starts else plan.start.model_copy(update={"any": ()})
    controls = plan.controls.model_copy(update={"retry_for": PATIENCE})
    return plan.model_copy(update={"status": "live", "start": start, "controls": controls})


def _roomy(policy: Policy, currency: str | None) -> Policy:
    channels = {name: each.model_copy(update={"limit": None}) for name, each in policy.channels.items()}
    room = {"channels": channels, "capacities": {}, "mode": "live", "mass_start": None}
    return policy.model_copy(update={**room, "currency": currency or policy.currency})


def _key(policy: Policy, plans: Mapping[str, Plan], *, holdout: bool) -> str | None:
    """A name of the customer by which the holdouts' hash keeps her out of these playbooks, or of none."""

    def fits(key: str) -> bool:
        return all(
            kept_out(policy, plan.controls, key, plan.playbook) == ("holdout" if holdout and _keeps(plan) else None)
            for plan in plans.values()
        )

    def _keeps(plan: Plan) -> bool:
        return bool(plan.controls.holdout) and not policy.transactional(plan.controls.purpose)

    named = ("customer" if number == 0 else f"customer-{number}" for number in count())
    return next(filter(fits, islice(named, _KEYS)), None)


def _cannot(plans: Mapping[str, Plan], story: Story) -> Iterator[Difference]:
    by_id = {step.id: step for step in steps(plans)}
    for name, reason in story.assumed.failing.items():
        why = _cannot_fail(by_id.get(name), reason)
        if why:
            yield _not_here(story, f"failing {name}", f"failing: {{{name}: {reason}}}", why)


def _cannot_fail(step: Step | None, reason: str) -> str:
    """Why a step cannot be made to fail so; empty: it can."""
    match step:
        case Send() | Call() | None:
            return ""
        case Webhook():
            return "" if reason == WEBHOOK_REFUSED else f"a webhook fails for good with {WEBHOOK_REFUSED} alone"
        case Coupon():
            why = f"a coupon fails with {POOL_EMPTY} alone; that a customer has had enough, coupons of hers tell"
            return "" if reason == POOL_EMPTY else why
        case _:
            return f"a step {step.op} fails by what facts tell, or not at all"
