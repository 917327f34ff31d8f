"""The most messages that one customer could get from all live playbooks and campaigns, beside the policy's caps.

From the plans alone. What it takes for granted is in docs/messages.md, "The most that can come": whoever changes what
is counted here changes it there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from math import ceil, inf

from engine.calendar.business import WEEKDAYS
from engine.calendar.quiet import clock
from engine.journeys.bound import DAY, WEEK, Pace, Worst, worst
from engine.journeys.plan import EventTrigger, EveryTrigger, Plan, Send, Step, Tag
from engine.journeys.starting import starts, starts_later
from engine.language.rules import Rules
from engine.policy import Cap, Policy

_CLOCK_CHANGE = 7200
_APART = {"day": DAY, "week": WEEK, "month": 28 * DAY, "quarter": 90 * DAY, "year": 365 * DAY}


@dataclass(frozen=True, slots=True)
class Share:
    """What one playbook can send in the span: by `journeys` of one customer at most, each `messages`.

    `steps` are those of one journey, each with its earliest second after the journey's start; of a campaign its waves,
    counted from the first. `by` says what bounds the journeys: `once_per`, `calendar`, `campaign`, or `each` for what
    is counted once by assumption.
    """

    playbook: str
    journeys: int
    messages: int
    steps: tuple[tuple[str, int], ...]
    by: str

    @property
    def total(self) -> int:
        """Messages of all its journeys."""
        return self.journeys * self.messages


@dataclass(frozen=True, slots=True)
class Bound:
    """At most so many messages to one customer in any `seconds`: of a cap, or of a purpose that no cap concerns.

    No purposes or channels mean all of them that a cap can concern. `shares` come the largest first.
    """

    purposes: tuple[str, ...]
    channels: tuple[str, ...]
    seconds: int
    shares: tuple[Share, ...]
    cap: Cap | None = None
    exempt: bool = False
    """Whether its purpose asks for no consent, so that no cap concerns it."""

    @property
    def messages(self) -> int:
        """How many at most."""
        return sum(share.total for share in self.shares)

    @property
    def exceeds(self) -> bool:
        """Whether the cap has something to hold back."""
        return self.cap is not None and self.messages > self.cap.at_most


def bounds(rules: Rules, each: int = 1) -> tuple[Bound, ...]:
    """The bound for each cap of the policy, then for each purpose in use that none concerns.

    Args:
        rules: sound rules.
        each: how many orders, parcels and cases a customer has in the span, and how often each other trigger comes.
    """
    counting = _Counting(rules, each)
    policy = rules.policy
    capped = [counting.bound(cap.purposes, cap.channels, cap.per, cap) for cap in policy.caps]
    uncapped = (purpose for purpose in counting.purposes if not _is_capped(policy, purpose))
    return (*capped, *(counting.bound((purpose,), (), WEEK) for purpose in uncapped))


def most_of_one(rules: Rules, plan: Plan, seconds: int = WEEK, seen: frozenset[str] = frozenset()) -> int:
    """The most messages of one journey, and of those that its steps start, in any so many seconds; beside all caps."""
    if not plan.starts or plan.playbook in seen:
        return 0
    pace, above = _pace(rules.policy, plan.controls.purpose), seen | {plan.playbook}
    sent = worst(plan, partial(_sends, rules.policy, ()), seconds, pace).most if plan.status == "live" else 0
    others = (each for each in rules.plans.values() if each.playbook not in above)
    started = ((each, worst(plan, partial(_that, _starts_ever, each), seconds, pace).most) for each in others)
    return sent + sum(times * most_of_one(rules, each, seconds, above) for each, times in started if times)


def _starts_ever(step: Step, plan: Plan) -> bool:
    return starts(step, plan) or starts_later(step, plan)


def _is_capped(policy: Policy, purpose: str) -> bool:
    """Whether some cap concerns all messages of a purpose."""
    bounding = (cap for cap in policy.caps if not cap.channels and (not cap.purposes or purpose in cap.purposes))
    return not policy.transactional(purpose) and any(bounding)


@dataclass(frozen=True)
class _Counting:
    rules: Rules
    each: int

    @cached_property
    def plans(self) -> list[Plan]:
        """The playbooks whose messages reach everybody."""
        return [plan for plan in self.rules.plans.values() if plan.status == "live"]

    @cached_property
    def sources(self) -> list[Plan]:
        """The playbooks whose steps are taken: those in test send to few, but start others for all."""
        return [plan for plan in self.rules.plans.values() if plan.starts]

    @property
    def purposes(self) -> list[str]:
        """Those that something live sends for, in order of priority."""
        campaigns = (each.controls for each in self.rules.campaigns.values() if each.status == "live")
        sending = (plan.controls for plan in self.plans if any(isinstance(s, Send) for s in plan.code))
        return sorted({each.purpose for each in (*sending, *campaigns)}, key=lambda n: (self.rules.policy.rank(n), n))

    def bound(
        self, purposes: tuple[str, ...], channels: tuple[str, ...], seconds: int, cap: Cap | None = None
    ) -> Bound:
        """What can come of some purposes by some channels; no names mean all."""
        policy = self.rules.policy
        exempt = len(purposes) == 1 and policy.transactional(purposes[0])

        def concerned(purpose: str) -> bool:
            return (not purposes or purpose in purposes) and (exempt or not policy.transactional(purpose))

        plans = [plan for plan in self.plans if concerned(plan.controls.purpose)]
        shares = [share for plan in plans if (share := self._share(plan, channels, seconds)) is not None]
        waves = self._waves(concerned, channels, seconds)
        found = sorted((*shares, *waves), key=lambda share: (-share.total, share.playbook))
        return Bound(purposes, channels, seconds, tuple(found), cap, exempt)

    def _share(self, plan: Plan, channels: tuple[str, ...], seconds: int) -> Share | None:
        counts = partial(_sends, self.rules.policy, channels)
        one = worst(plan, counts, seconds, _pace(self.rules.policy, plan.controls.purpose))
        if not one.most:
            return None
        journeys = self._journeys(plan, seconds, one.last - one.first, frozenset())
        by = "once_per" if plan.start.once_per else "calendar" if _is_calendar(plan) else "each"
        return Share(plan.playbook, journeys, one.most, one.steps, by)

    # --- journeys ---------------------------------------------------------------------------------------------------

    def _journeys(self, plan: Plan, seconds: int, reach: int, seen: frozenset[str]) -> int:
        """How many journeys of one customer's can do something in a span that they do within `reach` of each other.

        `seen` are the playbooks on the way: where none of them has a `once_per`, a way that comes back has nothing
        more to start (`engine.language.circles`).
        """
        subjects = 1 if plan.subject == "customer" else self.each
        triggers = dict.fromkeys(each.event if isinstance(each, EventTrigger) else each for each in plan.start.any)
        started = sum(
            _times(seconds + reach, _APART[each.every] - _CLOCK_CHANGE) if isinstance(each, EveryTrigger) else self.each
            for each in triggers
        )
        once = None if plan.start.once_per is None else subjects * _times(seconds + reach, plan.start.once_per)
        if once is not None and not _is_calendar(plan):
            return once
        for source in () if plan.playbook in seen else self.sources:
            started += sum(
                found.most
                * self._journeys(source, seconds, reach + found.last - found.first + late, seen | {plan.playbook})
                for found, late in self._starting(source, plan)
            )
        return started if once is None else min(once, started)

    def _starting(self, source: Plan, plan: Plan) -> Iterator[tuple[Worst, int]]:
        """How often one journey's steps start another playbook, and how much later than the step at most."""
        pace = _pace(self.rules.policy, source.controls.purpose)
        longest = max((s.expires for s in source.code if isinstance(s, Tag) and s.expires is not None), default=0)
        for how, late in ((starts, 0), (starts_later, longest)):
            found = worst(source, partial(_that, how, plan), inf, pace)
            if found.most:
                yield found, late

    # --- campaigns --------------------------------------------------------------------------------------------------

    def _waves(self, concerned: Callable[[str], bool], channels: tuple[str, ...], seconds: int) -> list[Share]:
        """The waves that meet in one span, however long each is held back; a share for each campaign of them."""
        waves = [
            (wave.at, wave.ends, campaign.name, wave.id)
            for campaign in self.rules.campaigns.values()
            if campaign.status == "live" and concerned(campaign.controls.purpose)
            for wave in campaign.waves
            if _reaches(self.rules.policy, wave.channels, channels)
        ]
        span = timedelta(seconds=seconds)
        spans: list[list[tuple[datetime, datetime, str, str]]] = [
            [each for each in waves if each[1] >= begins and each[0] < begins + span] for _, begins, _, _ in waves
        ]
        most = max(spans, key=len) if spans else []
        meeting = sorted(most)
        shares = []
        for name in dict.fromkeys(each[2] for each in meeting):
            own = [(wave, int((at - meeting[0][0]).total_seconds())) for at, _, whose, wave in meeting if whose == name]
            shares.append(Share(name, 1, len(own), tuple(own), "campaign"))
        return shares


def _times(seconds: int, apart: int) -> int:
    """How many instants that are at least so far apart a span can hold, its end exclusive."""
    return ceil(seconds / apart)


def _that(how: Callable[[Step, Plan], bool], plan: Plan, step: Step) -> bool:
    return how(step, plan)


def _is_calendar(plan: Plan) -> bool:
    return all(isinstance(each, EveryTrigger) for each in plan.start.any)


def _sends(policy: Policy, channels: tuple[str, ...], step: Step) -> bool:
    return isinstance(step, Send) and _reaches(policy, step.channels, channels)


def _reaches(policy: Policy, own: tuple[str, ...], channels: tuple[str, ...]) -> bool:
    """Whether a message can leave by one of some channels; no names mean all that are configured."""
    return any(each in policy.channels and (not channels or each in channels) for each in own)


def _pace(policy: Policy, purpose: str) -> Pace:
    hours = ((clock(opens), clock(closes)) for opens, closes in policy.business_hours.values())
    working = sum((ends.hour - begins.hour) * 3600 + (ends.minute - begins.minute) * 60 for begins, ends in hours)
    return Pace(_delay(policy, purpose), working)


def _delay(policy: Policy, purpose: str) -> int:
    """Seconds for which the night and weekdays that are not sent on can hold a message back."""
    quiet = policy.quiet_hours
    if quiet is None and not policy.weekdays:
        return 0
    if policy.may_disturb(purpose):
        return 0
    days = "".join("-" if policy.weekdays and day not in policy.weekdays else " " for day in WEEKDAYS)
    closed = max(map(len, (days + days).split())) * DAY if "-" in days else 0
    if quiet is not None:
        begins, ends = clock(quiet.start), clock(quiet.end)
        closed += (ends.hour * 60 + ends.minute - begins.hour * 60 - begins.minute) % (24 * 60) * 60 + quiet.spread
    return closed + _CLOCK_CHANGE
