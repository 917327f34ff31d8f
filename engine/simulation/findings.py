"""What a team would want to know of a backtest before anything else, each with its numbers and its threshold."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.journeys.plan import Calling, ChangeTrigger, DateTrigger, EventTrigger, EveryTrigger, Plan, Send, Tag, Task
from engine.language.rules import Rules
from engine.messages.locales import locale_chain
from engine.messages.templates import by_short_name, template_locales
from engine.simulation.chance import Share, difference
from engine.simulation.result import EVERYBODY_ELSE, RECENT, Result, sent_by


def whole(share: float) -> str:
    """`42 %`."""
    return f"{100 * share:.0f} %"


ENOUGH = 100
"""Fewer messages or journeys than this are not worth a word."""
TIMES_OTHERS = 2
FLOOD = 0.10
MOSTLY_SKIPPED = 0.50
BOUGHT_ANYWAY = 0.20
AGAIN = 3
AGAIN_SHARE = 0.10
OFTEN = 10
FAILING = 0.01
OTHER_LANGUAGE = 0.05
TOO_EARLY = 0.50
DIFFERENT = 0.25
THRESHOLDS: Mapping[str, str] = {
    "peak": f"in its peak week a playbook sends {ENOUGH} messages or more, and {TIMES_OTHERS} times what all others "
    "send in that week",
    "flood": f"a playbook writes to {whole(FLOOD)} of all customers or more in one week",
    "skipped": f"{whole(MOSTLY_SKIPPED)} or more of {ENOUGH} or more messages of a playbook are skipped",
    "bought": f"{whole(BOUGHT_ANYWAY)} or more of {ENOUGH} or more messages that ask for consent go to somebody who "
    f"had paid an order in the {RECENT.days} days before; not of playbooks that follow an order",
    "again": f"{whole(AGAIN_SHARE)} or more of those who get a step's message get it {AGAIN} times or more",
    "crowding": f"messages of a playbook fill the cap that holds back {ENOUGH} or more messages of others",
    "often": f"one customer gets {OFTEN} messages or more",
    "full": "a capacity is reached or passed in an hour or a day",
    "failing": f"{whole(FAILING)} or more of a playbook's journeys fail",
    "silent": "a playbook starts no journey, or none of its journeys comes to a step",
    "language": f"{whole(OTHER_LANGUAGE)} or more of {ENOUGH} or more messages to customers of one language go out in "
    "another, for want of a template",
    "goal": f"a goal is reached no more often than in the holdout: the 95 % interval of the difference holds 0 or lies "
    f"below it; fewer than {ENOUGH} in the holdout are too few to tell, and so is a window after whose end the goal's "
    f"time goes on for {whole(TOO_EARLY)} or more of the journeys",
    "different": f"with two versions: a playbook sends {whole(DIFFERENT)} more or less, and {ENOUGH} messages or more",
}
"""What each finding takes, by its name; `docs/simulation.md` says the same."""

Weight = Literal["look", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at (`look`) or to know (`note`). `size` orders those of one kind, the largest first."""

    name: str
    playbook: str
    text: str
    weight: Weight = "look"
    size: float = 0


@dataclass(frozen=True)
class _Asked:
    result: Result
    rules: Rules
    playbooks: tuple[str, ...]


def findings(result: Result, rules: Rules, playbooks: tuple[str, ...]) -> list[Finding]:
    """All findings: what to look at before what to know, then by the order of `THRESHOLDS` and by size.

    Args:
        result: of the backtest.
        rules: those after, if two versions are compared.
        playbooks: those that took part.
    """
    found = [each for find in _ALL for each in find(_Asked(result, rules, playbooks))]
    order = list(THRESHOLDS)
    return sorted(found, key=lambda each: (each.weight != "look", order.index(each.name), -each.size, each.playbook))


# --- how many ---------------------------------------------------------------------------------------------------------


def _peak(asked: _Asked) -> Iterator[Finding]:
    weeks = sent_by(asked.result, "playbook", "week")
    for playbook in sorted({playbook for playbook, _ in weeks}):
        week, most = max(((week, many) for (name, week), many in weeks.items() if name == playbook), key=lambda w: w[1])
        others = sum(many for (name, other), many in weeks.items() if other == week and name != playbook)
        if most >= ENOUGH and most >= TIMES_OTHERS * others and len({name for name, _ in weeks}) > 1:
            beside = f"{most / others:.1f} times the {others:,} that all other playbooks send" if others else (
                "when no other playbook sends anything"
            )  # fmt: skip
            text = f"{playbook} would send {_many(most, 'message')} in its peak week, that of {week}: {beside}."
            yield Finding("peak", playbook, text, size=most)


def _flood(asked: _Asked) -> Iterator[Finding]:
    most: dict[str, tuple[int, str]] = {}
    for (playbook, week), many in asked.result.written.items():
        if playbook and week:
            most[playbook] = max(most.get(playbook, (0, "")), (many, week))
    for playbook, (many, week) in most.items():
        share = Share(many, asked.result.customers).value
        if many >= ENOUGH and share >= FLOOD:
            text = f"{playbook} would write to {whole(share)} of all customers in one week: {many:,} in that of {week}."
            yield Finding("flood", playbook, text, size=many)


def _skipped(asked: _Asked) -> Iterator[Finding]:
    states: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for sent, many in asked.result.messages.items():
        states.setdefault(sent.playbook, Counter())[sent.state] += many
        if sent.state == "skipped":
            reasons.setdefault(sent.playbook, Counter())[sent.reason] += many
    for playbook, counts in states.items():
        share, every = Share(counts["skipped"], counts.total()), counts.total()
        if every >= ENOUGH and share.value >= MOSTLY_SKIPPED:
            (first, many), *_ = reasons[playbook].most_common(1)
            text = (
                f"{whole(share.value)} of the {_many(every, 'message')} of {playbook} were skipped, "
                f"{many:,} of them because of {first}."
            )
            yield Finding("skipped", playbook, text, size=counts["skipped"])


# --- to whom ----------------------------------------------------------------------------------------------------------


def _bought(asked: _Asked) -> Iterator[Finding]:
    sent = sent_by(asked.result, "playbook")
    for playbook, many in asked.result.recent.items():
        plan, share = asked.rules.plan(playbook), Share(many, sent[(playbook,)])
        asks = plan is not None and asked.rules.policy.consent(plan.controls.purpose) == "opt_in"
        if asks and plan and not _follows_an_order(plan) and share.of >= ENOUGH and share.value >= BOUGHT_ANYWAY:
            text = (
                f"{whole(share.value)} of those written to by {playbook} had bought in the last {RECENT.days} days "
                f"anyway: {many:,} of {_many(share.of, 'message')}."
            )
            yield Finding("bought", playbook, text, size=share.value)


def _follows_an_order(plan: Plan) -> bool:
    events = [each.event for each in plan.start.any if isinstance(each, EventTrigger)]
    return plan.subject in ("order", "shipment") or any(each.startswith(("order.", "shipment.")) for each in events)


def _again(asked: _Asked) -> Iterator[Finding]:
    steps: dict[tuple[str, str], Counter[int]] = {}
    for (playbook, step, times), customers in asked.result.times.items():
        steps.setdefault((playbook, step), Counter())[times] += customers
    for (playbook, step), counts in steps.items():
        plan = asked.rules.plan(playbook)
        often = sum(customers for times, customers in counts.items() if times >= AGAIN)
        share = Share(often, counts.total())
        if plan is not None and plan.subject == "customer" and often >= ENOUGH and share.value >= AGAIN_SHARE:
            text = (
                f"{whole(share.value)} of those who get the step {step} of {playbook} get it {AGAIN} times or more: "
                f"{_many(often, 'customer')} of {share.of:,}, at most {max(counts)} times."
            )
            yield Finding("again", playbook, text, size=often)


def _crowding(asked: _Asked) -> Iterator[Finding]:
    for by in sorted({by for _, by in asked.result.held_back}):
        held = Counter({name: many for (name, other), many in asked.result.held_back.items() if other == by})
        if held.total() >= ENOUGH:
            most = ", ".join(f"{name} {many:,}" for name, many in held.most_common(3))
            text = (
                f"The cap held back {_many(held.total(), 'message')} of other playbooks because of {by}, whose "
                f"messages had taken the places ({most})."
            )
            yield Finding("crowding", by, text, size=held.total())


def _often(asked: _Asked) -> Iterator[Finding]:
    many = [(customer, sent) for customer, sent in asked.result.touched.items() if sent >= OFTEN]
    if many:
        most = max(sent for _, sent in many)
        more = f"{len(many)} of the most touched customers get" if len(many) > 1 else "One customer gets"
        yield Finding("often", "", f"{more} {OFTEN} messages or more, at most {most}.", size=most)


def _full(asked: _Asked) -> Iterator[Finding]:
    for name, capacity in asked.rules.policy.capacities.items():
        for span, limit in (("hour", capacity.per_hour), ("day", capacity.per_day)):
            loads = [
                (many, load.start)
                for load, many in asked.result.load.items()
                if (load.of, load.name, load.span) == ("capacity", name, span)
            ]
            over = [each for each in loads if limit is not None and each[0] >= limit]
            if over:
                most, start = max(over)
                text = (
                    f"The capacity {name} ({limit:,} a{'n' if span == 'hour' else ''} {span}) is full in "
                    f"{_many(len(over), span)}; the peak is {most:,} messages, {start}."
                )
                yield Finding("full", "", text, size=most)


# --- how it goes ------------------------------------------------------------------------------------------------------


def _failing(asked: _Asked) -> Iterator[Finding]:
    ends: dict[str, Counter[str]] = {}
    for (playbook, ended, outcome), many in asked.result.journeys.items():
        ends.setdefault(playbook, Counter())[f"{ended} {outcome}"] += many
    for playbook, counts in ends.items():
        failed = Counter({how: many for how, many in counts.items() if how.startswith("failed")})
        share = Share(failed.total(), counts.total())
        if failed and share.value >= FAILING:
            (how, many), *_ = failed.most_common(1)
            text = (
                f"{whole(share.value)} of the journeys of {playbook} fail: {failed.total():,} of {share.of:,}, "
                f"{'all' if many == failed.total() else f'{many:,}'} with {how.removeprefix('failed ')}."
            )
            yield Finding("failing", playbook, text, size=failed.total())


def _silent(asked: _Asked) -> Iterator[Finding]:
    started, silent = Counter[str](), {}
    for (playbook, _, _), many in asked.result.journeys.items():
        started[playbook] += many
    for playbook in asked.playbooks:
        plan = asked.rules.plan(playbook)
        if plan is None:
            continue
        if not started[playbook]:
            silent[playbook] = _start(plan)
            continue
        acting = [each.id for each in plan.code if isinstance(each, Send | Task | Tag | Calling)]
        missed = [step for step in dict.fromkeys(acting) if not asked.result.steps[playbook, step]]
        if missed:
            steps = "the step" if len(missed) == 1 else "the steps"
            text = (
                f"Nobody reached {steps} {', '.join(missed)} of {playbook}, in {_many(started[playbook], 'journey')}."
            )
            yield Finding("silent", playbook, text, "note", size=started[playbook])
    if silent:
        named = ", ".join(f"{playbook} ({start})" for playbook, start in silent.items())
        yield Finding("silent", "", f"No journey was started of {named}.", "note", size=float("inf"))


def _start(plan: Plan) -> str:
    starts = [str(each) for each in plan.start.any if isinstance(each, EventTrigger)]
    changes = [each for each in plan.start.any if isinstance(each, ChangeTrigger)]
    starts += [str(each) if each.when is None else "a condition that comes to hold" for each in changes]
    starts += [f"the date {each.date}" for each in plan.start.any if isinstance(each, DateTrigger)]
    starts += [f"every {each.every}" for each in plan.start.any if isinstance(each, EveryTrigger)]
    return " or ".join(starts) if starts else "only steps of others start it"


def _language(asked: _Asked) -> Iterator[Finding]:
    files, default = by_short_name(asked.rules.templates), asked.rules.policy.locale
    lost: dict[str, Counter[str]] = {}
    every = Counter[str]()
    for (template, locale), many in asked.result.languages.items():
        known = {*template_locales(files, template), *template_locales(files, template, "sms")}
        every[locale] += many
        if locale and not known & set(locale_chain(locale, locale)):
            lost.setdefault(locale, Counter())[template] += many
    for locale, counts in lost.items():
        share = Share(counts.total(), every[locale])
        if share.of >= ENOUGH and share.value >= OTHER_LANGUAGE:
            templates = "The template" if len(counts) == 1 else f"{len(counts)} templates, such as"
            (first, _), *_ = counts.most_common(1)
            text = (
                f"{templates} {first}, {'is' if len(counts) == 1 else 'are'} missing in {locale}: "
                f"{whole(share.value)} of the {_many(share.of, 'message')} to customers who read it go out in "
                f"{default}, the policy's own language."
            )
            yield Finding("language", "", text.replace(f"{first}, is", f"{first} is"), size=counts.total())


def _goal(asked: _Asked) -> Iterator[Finding]:
    few: dict[str, int] = {}
    happens = "In a replayed past nobody reacts to a message: this is what happens anyway."
    if asked.result.assumed:
        happens = "Responses are assumed: this is what the assumption gives."
    for playbook in sorted({playbook for playbook, _, _ in asked.result.goals}):
        rest, out = groups_of(asked.result, playbook)
        early = Share(_early(asked.result, playbook), rest.of + out.of)
        low, high = difference(rest, out)
        if not out.of:
            continue
        if out.of < ENOUGH:
            few[playbook] = out.of
        elif early.value >= TOO_EARLY:
            text = (
                f"{playbook}: for {whole(early.value)} of its journeys the goal's time was not over at the window's "
                "end: a longer window tells more of its goal."
            )
            yield Finding("goal", playbook, text, "note", size=rest.of)
        elif low <= 0:
            chance = "no more than chance" if high >= 0 else "less than in the holdout"
            text = (
                f"{playbook}: its goal was reached in {percent(rest.value)} of the journeys and in "
                f"{percent(out.value)} of the holdout's; the difference, {points(low)} to {points(high)} points, is "
                f"{chance}. {happens}"
            )
            yield Finding("goal", playbook, text, "note", size=rest.of)
    if few:
        counted = ", ".join(f"{playbook} {many}" for playbook, many in few.items())
        yield Finding("goal", "", f"Too few journeys in the holdout to tell what messages do: {counted}.", "note")


def _early(result: Result, playbook: str) -> int:
    return sum(many for (name, _, what), many in result.goals.items() if (name, what) == (playbook, "not_over"))


def _different(asked: _Asked) -> Iterator[Finding]:
    before = asked.result.before
    if before is None:
        return
    old, new = sent_by(before, "playbook"), sent_by(asked.result, "playbook")
    for key in sorted(old.keys() | new.keys()):
        apart = new[key] - old[key]
        if abs(apart) >= ENOUGH and abs(apart) >= DIFFERENT * old[key]:
            share = f" ({100 * apart / old[key]:+.0f} %)" if old[key] else ""
            text = (
                f"{key[0]} sends {_many(abs(apart), 'message')} {'more' if apart > 0 else 'fewer'} than before{share}: "
            )
            yield Finding("different", key[0], f"{text}{new[key]:,} in place of {old[key]:,}.", size=abs(apart))


def groups_of(result: Result, playbook: str) -> tuple[Share, Share]:
    """Goals reached by everybody else, and by both holdouts together."""
    goals = result.goals

    def share(*who: str) -> Share:
        reached, every = (sum(goals[playbook, each, what] for each in who) for what in ("reached", "journeys"))
        return Share(reached, every)

    return share(EVERYBODY_ELSE), share("holdout", "global_holdout")


def percent(share: float) -> str:
    """`3.1 %`; of less than one per cent `0.31 %`."""
    return f"{100 * share:.{1 if share == 0 or share >= 0.01 else 2}f} %"


def points(apart: float) -> str:
    """Percentage points with their sign: `+7.4`; of less than one `+0.74`."""
    return f"{100 * apart:+.{1 if abs(apart) >= 0.01 else 2}f}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


_ALL: tuple[Callable[[_Asked], Iterator[Finding]], ...] = (
    _peak, _flood, _skipped, _bought, _again, _crowding, _often, _full, _failing, _silent, _language, _goal, _different,
)  # fmt: skip
