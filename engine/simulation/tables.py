"""The tables of a backtest, the same for the terminal, CSV, JSON and the page.

Over 250 lines: one short function for each table, no logic.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from engine.money import Money
from engine.simulation.backtest import Window, assumptions
from engine.simulation.chance import Share, difference
from engine.simulation.findings import Finding, groups_of, percent, points
from engine.simulation.result import EVERYBODY_ELSE, Result, sent_by, totals
from engine.simulation.worth import Worth, cost

STATES = ("sent", "skipped", "failed")
WHO = (EVERYBODY_ELSE, "holdout", "global_holdout")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ERASED = "(erased)"
ATTRIBUTION = (
    "an order paid within the goal's time after a journey began counts for that journey, whatever was sent",
    "an order in the time of several journeys counts for each of them, so orders must not be added up over playbooks",
    "cancelled orders do not count; what happens after the window's end is not looked at",
    "a journey whose goal's time was not over at the window's end may still reach it: not over",
    "everybody else are all journeys that no holdout keeps from messages, also those whose messages were skipped",
)
"""How goals and orders are told to belong to a playbook."""
_ADDRESS = re.compile(r".*@.*|\+[\d\s()/.-]{6,}")


class Percent(float):
    """A share, 0 to 1."""

    def __str__(self) -> str:
        return percent(self)


@dataclass(frozen=True)
class Report:
    """All that is told of a backtest.

    Attributes:
        window: what was simulated.
        result: what came of it.
        rules: what the rules are called: "the project's rules", or a Git ref.
        against: the other version's window and name, where two are compared.
        names: what the shop calls the customers that are shown, by our number; those that are gone are missing.
        worth: of coupons, by pool.
        findings: what to look at.
        notes: what else must be known, such as rules that were left out.
        seconds: how long it took.
    """

    window: Window
    result: Result
    rules: str
    against: tuple[Window, str] | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    worth: Mapping[str, Worth] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    notes: Sequence[str] = ()
    seconds: float = 0.0

    def customer(self, number: int) -> str:
        """What a customer is called: by the shop's name, by our number if that is an address, or as erased."""
        name = self.names.get(number)
        if name is None:
            return ERASED
        return f"{number} (our number)" if _ADDRESS.fullmatch(name) else name

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What is assumed."""
        return assumptions(self.window)


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `name` is that of the CSV file and of the key in JSON, `title` is for people."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    note: str = ""


def tables(report: Report) -> list[Table]:
    """All tables, in the order of telling; where responses are assumed their titles say so."""
    made = _tables(report)
    if report.window.responses is None:
        return made
    return [replace(each, title=f"{each.title}, with assumed responses") for each in made]


def _tables(report: Report) -> list[Table]:
    return [
        _findings(report),
        *(_of_both(report) if report.result.before is not None else ()),
        messages(report.result),
        steps(report.result),
        weeks(report.result),
        skips(report.result),
        hours(report.result),
        peaks(report),
        journeys(report.result),
        goals(report),
        *((assumed(report.result),) if report.window.responses is not None else ()),
        lifts(report.result),
        given(report.result),
        costs(report),
        flows(report.result),
        standing(report.result),
        touched(report),
    ]


def shown(value: object) -> str:
    """A cell for people: numbers with separators."""
    return f"{value:,}" if isinstance(value, int | Decimal) and not isinstance(value, bool) else str(value)


def plain(value: object) -> object:
    """A cell for machines."""
    if isinstance(value, Percent):
        return round(float(value), 6)
    return str(value) if isinstance(value, Decimal) else value


def _findings(report: Report) -> Table:
    rows = [(each.name, each.weight, each.playbook, each.text) for each in report.findings]
    return Table("findings", "what to look at", ("finding", "weight", "playbook", "text"), rows)


# --- messages ---------------------------------------------------------------------------------------------------------


def messages(result: Result) -> Table:
    """All messages, as they were counted."""
    columns = ("playbook", "step", "channel", "week", "state", "reason", "messages")
    rows = [
        (each.playbook, each.step, each.channel, each.week, each.state, each.reason, many)
        for each, many in sorted(result.messages.items())
    ]
    return Table("messages", "messages by week", columns, rows)


def steps(result: Result) -> Table:
    """By playbook and step that does something: what became of its messages, and the journeys that came to it."""
    counts = totals(result)
    rows = []
    for key in sorted(counts.keys() | result.steps.keys()):
        own = counts.get(key, Counter())
        other = sum(own[state] for state in own.keys() - set(STATES))
        rows.append((*key, *(own[state] for state in STATES), other, result.steps[key]))
    return Table("steps", "messages by step", ("playbook", "step", *STATES, "other", "journeys here"), rows)


def weeks(result: Result) -> Table:
    """Messages sent by week and playbook, and how many customers got them."""
    rows = [
        (week, playbook, many, result.written[playbook, week])
        for (week, playbook), many in sorted(sent_by(result, "week", "playbook").items())
    ]
    return Table("weeks", "sent by week", ("week", "playbook", "messages", "customers"), rows)


def skips(result: Result) -> Table:
    """Messages that did not leave, by reason."""
    found: Counter[tuple[str, str, str]] = Counter()
    for sent, many in result.messages.items():
        if sent.reason:
            found[sent.playbook, sent.state, sent.reason] += many
    return Table("skips", "skipped and failed", ("playbook", "state", "reason", "messages"), _rows(found))


def hours(result: Result) -> Table:
    """Messages sent by channel, weekday and hour of the policy's zone."""
    rows = [(channel, WEEKDAYS[day - 1], hour, many) for (channel, day, hour), many in sorted(result.hours.items())]
    return Table("hours", "when they leave", ("channel", "weekday", "hour", "messages"), rows)


def peaks(report: Report) -> Table:
    """The busiest hour and day of each channel and capacity, against its limit."""
    most: dict[tuple[str, str], dict[str, tuple[int, str]]] = {}
    for load, many in sorted(report.result.load.items()):
        spans = most.setdefault((load.of, load.name), {})
        spans[load.span] = max(spans.get(load.span, (0, "")), (many, load.start), key=lambda each: each[0])
    rows = []
    for (of, name), spans in sorted(most.items()):
        capacity = report.window.rules.policy.capacities.get(name) if of == "capacity" else None
        limits = (None, None) if capacity is None else (capacity.per_hour, capacity.per_day)
        for span, limit in zip(("hour", "day"), limits, strict=True):
            many, start = spans[span]
            used = "" if limit is None else Percent(many / limit)
            rows.append((of, name, span, start, many, "none" if limit is None else limit, used))
    note = "An hour is one of UTC's, a day one of the policy's zone, as for capacities."
    return Table("peaks", "peaks", ("of", "name", "span", "peak", "messages", "limit", "used"), rows, note)


# --- journeys and goals -----------------------------------------------------------------------------------------------


def journeys(result: Result) -> Table:
    """By playbook: how they ended, and the outcome."""
    return Table("journeys", "journeys", ("playbook", "ended", "outcome", "journeys"), _rows(result.journeys))


def goals(report: Report) -> Table:
    """By playbook and who: journeys, goals reached, and orders within the goal's time."""
    result, currency = report.result, report.window.currency
    rows = []
    for playbook, who in _who(result):
        own = {what: many for (name, whose, what), many in result.goals.items() if (name, whose) == (playbook, who)}
        share = Share(own.get("reached", 0), own["journeys"])
        low, high = share.interval
        revenue: object = "" if currency is None else Money(own.get("revenue", 0), currency).amount
        rows.append(
            (
                playbook,
                who.replace("_", " "),
                share.of,
                share.reached,
                Percent(share.value),
                Percent(low),
                Percent(high),
                own.get("not_over", 0),
                own.get("orders", 0),
                revenue,
                currency or "",
                own.get("unpriced", 0),
                own.get("assumed", 0),
            )
        )
    columns = (
        "playbook", "who", "journeys", "reached", "share", "from", "to", "not over", "orders", "revenue", "currency",
        "orders without amount", "reached by assumed orders alone",
    )  # fmt: skip
    told = len(columns) - (report.window.responses is None)
    return Table(
        "goals",
        "goals",
        columns[:told],
        [row[:told] for row in rows],
        "Share with its 95 % interval. " + _sentences(ATTRIBUTION),
    )


def assumed(result: Result) -> Table:
    """By playbook and step: what was assumed of the messages sent."""
    counts, many = totals(result), result.assumed
    rows = [
        (*key, counts[key]["sent"], *(many[*key, what] for what in ("opened", "clicked", "ordered")))
        for key in sorted(counts)
        if counts[key]["sent"]
    ]
    stopped = ", ".join(f"{playbook} {many[playbook, '', 'stopped']:,}" for playbook in _stopped(result))
    note = f"Journeys that assumed orders alone have stopped: {stopped or 'none'}."
    return Table(
        "assumed",
        "opened, clicked and ordered",
        ("playbook", "step", "sent", "opened", "clicked", "ordered"),
        rows,
        note,
    )


def _stopped(result: Result) -> list[str]:
    return sorted({playbook for playbook, _, what in result.assumed if what == "stopped"})


def _who(result: Result) -> list[tuple[str, str]]:
    known = {(playbook, who) for playbook, who, _ in result.goals}
    return sorted(known, key=lambda each: (each[0], WHO.index(each[1])))


def lifts(result: Result) -> Table:
    """By playbook with a holdout: how much oftener everybody else reaches the goal, and whether that is chance."""
    rows = []
    for playbook in sorted({playbook for playbook, _, _ in result.goals}):
        rest, out = groups_of(result, playbook)
        if out.of:
            low, high = difference(rest, out)
            apart = points(rest.value - out.value)
            rows.append(
                (playbook, Percent(rest.value), Percent(out.value), apart, points(low), points(high), _told(low, high))
            )
    columns = ("playbook", "everybody else", "holdouts", "points apart", "from", "to", "so")
    note = "Percentage points with their 95 % interval, from both shares' own (Newcombe 1998)."
    return Table("lifts", "goals against the holdouts", columns, rows, note)


def _told(low: float, high: float) -> str:
    if low > 0:
        return "more than in the holdout, beyond chance"
    return "less than in the holdout, beyond chance" if high < 0 else "no more than chance"


# --- given ------------------------------------------------------------------------------------------------------------


def given(result: Result) -> Table:
    """Coupons, points, tasks and tags, by step."""
    return Table("given", "given", ("playbook", "what", "step", "count"), _rows(result.given))


def costs(report: Report) -> Table:
    """What coupons and points cost, as far as that is known."""
    rows: list[tuple[Any, ...]] = []
    for (playbook, pool), many in sorted(report.result.coupons.items()):
        worth = report.worth.get(pool)
        rows.append(
            (playbook, "coupons", pool, many, "unknown" if worth is None else cost(worth, 1), cost(worth, many))
        )
    for playbook, many in sorted(_points(report.result).items()):
        rows.append((playbook, "points", "", many, "unknown", "unknown: no rule says what a point is worth"))
    note = (
        "Coupons at the value of the pool's imported codes, as if all were redeemed. What a message, a task or a point "
        "costs is not in the rules, so it is counted and not priced."
    )
    return Table("costs", "cost", ("playbook", "what", "of", "count", "each", "cost"), rows, note)


def _points(result: Result) -> Counter[str]:
    found: Counter[str] = Counter()
    for (playbook, what, _), many in result.given.items():
        if what == "points":
            found[playbook] += many
    return found


# --- customers --------------------------------------------------------------------------------------------------------


def flows(result: Result) -> Table:
    """Changes of stage and tier."""
    rows = [
        (kind, before or "(none)", after or "(none)", many)
        for (kind, before, after), many in sorted(result.flows.items())
    ]
    return Table("flows", "changes of stage and tier", ("what", "from", "to", "changes"), rows)


def standing(result: Result) -> Table:
    """How many customers are in each stage and tier when the window begins and ends."""
    names = sorted({(kind, name) for kind, _, name in result.standing})
    rows = [
        (kind, name or "(none)", result.standing[kind, "begin", name], result.standing[kind, "end", name])
        for kind, name in names
    ]
    return Table("standing", "stages and tiers", ("what", "name", "at the beginning", "at the end"), rows)


def touched(report: Report) -> Table:
    """Who got the most messages."""
    both = sorted(report.result.touched.items(), key=lambda each: (-each[1], each[0]))
    rows = [(report.customer(number), many) for number, many in both]
    return Table("touched", "most messages", ("customer", "messages"), rows)


# --- two versions -----------------------------------------------------------------------------------------------------


def _of_both(report: Report) -> list[Table]:
    return [sides(report), changed(report.result), changed_groups(report.result), examples(report)]


def sides(report: Report) -> Table:
    """Totals of both versions side by side."""
    after, before = _totals(report.result), _totals(report.result.before or Result())
    rows = [(what, before[what], after[what], after[what] - before[what]) for what in after]
    return Table("sides", "before and after", ("what", "before", "after", "difference"), rows)


def _totals(result: Result) -> dict[str, int]:
    states: Counter[str] = Counter()
    for sent, many in result.messages.items():
        states[sent.state] += many
    kinds: Counter[str] = Counter()
    for (_, what, _), many in result.given.items():
        kinds[what] += many
    return {
        "journeys": result.journeys.total(),
        "messages sent": states["sent"],
        "messages skipped": states["skipped"],
        "customers written to": result.written["", ""],
        "most messages to one customer": max(result.touched.values(), default=0),
        "coupons given": kinds["coupon"],
        "points given": kinds["points"],
        "tasks opened": kinds["task"],
        "journeys that failed": sum(many for (_, ended, _), many in result.journeys.items() if ended == "failed"),
    }


def changed(result: Result) -> Table:
    """By playbook and step: messages gained and lost."""
    assert result.changes is not None  # of two versions
    assert result.before is not None
    found, old, new = result.changes.messages, totals(result.before), totals(result)
    rows = [
        (
            *key,
            old.get(key, Counter())["sent"],
            new.get(key, Counter())["sent"],
            *(found[(*key, what)] for what in ("gained", "lost", "moved", "kept")),
        )
        for key in sorted({(playbook, step) for playbook, step, _ in found})
    ]
    note = "Messages sent, customer by customer: `moved` are sent by both, at another instant."
    columns = ("playbook", "step", "before", "after", "gained", "lost", "moved", "kept")
    return Table("changes", "messages gained and lost", columns, rows, note)


def changed_groups(result: Result) -> Table:
    """By segment, stage and tier: messages gained and lost."""
    assert result.changes is not None  # of two versions
    groups = result.changes.groups
    rows = [
        (kind, name, groups[kind, name, "gained"], groups[kind, name, "lost"])
        for kind, name in sorted({(kind, name) for kind, name, _ in groups})
    ]
    note = "By what the customer is at the window's end by the rules after; somebody in several segments is in each."
    return Table("changed_groups", "by whom", ("what", "name", "gained", "lost"), rows, note)


def examples(report: Report) -> Table:
    """Customers who are treated differently, each with both timelines."""
    assert report.result.changes is not None  # of two versions
    rows = [
        (report.customer(each.customer), side, *event)
        for each in report.result.changes.chosen()
        for side, events in (("before", each.before), ("after", each.after))
        for event in events
    ]
    columns = ("customer", "side", "at", "what", "playbook", "step", "state", "reason or channel")
    return Table("examples", "examples", columns, rows)


def _rows(counted: Counter[Any]) -> list[tuple[object, ...]]:
    return [(*key, many) for key, many in sorted(counted.items())]


def _sentences(parts: Iterable[str]) -> str:
    return " ".join(f"{each[0].upper()}{each[1:]}." for each in parts)
