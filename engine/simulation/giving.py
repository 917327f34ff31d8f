"""What steps give a customer or have done elsewhere, in memory: coupons, points, updates, calls, other playbooks."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, cast

from engine.calendar.local import end_of_day
from engine.conditions.operands import instant, microseconds
from engine.facts.points import Entry, Kind, New, ledger, reversals
from engine.journeys.commands import CallOut
from engine.journeys.plan import Coupon, Move, Points, StartPlaybook, Update
from engine.simulation.history import History, Subject, column

if TYPE_CHECKING:
    from engine.simulation.journey import Journey

Given = tuple[Literal["done", "skipped", "failed"], str | None]
_SECOND = 1_000_000


def give(journey: "Journey", command: CallOut) -> Given:
    """Does what the step says, and what became of it: its state and the reason."""
    calling = command.calling
    match calling:
        case Coupon():
            state, reason = _coupon(journey, command)
            journey.note(command.at, "coupon", command.step, state=state, reason=reason, pool=calling.given["pool"])
        case Points():
            state, reason = _points(journey, command)
        case StartPlaybook():
            why = journey.around.start_by_step(calling.given["playbook"], journey, command.at)
            state, reason = ("done", None) if why is None else ("skipped", why)
            journey.note(command.at, "start", command.step, state=state, reason=reason)
        case Update():
            state, reason = _update(journey, command)
        case Move():
            why = _not_moved(journey, command)
            state, reason = ("done", None) if why is None else ("skipped", why)
            journey.note(command.at, "move", command.step, state=state, reason=reason, to=calling.given.get("to"))
        case _:
            state, reason = "done", None
            journey.note(command.at, calling.op, command.step)  # type: ignore[arg-type]  # call or webhook
    return state, reason


def _not_moved(journey: "Journey", command: CallOut) -> str | None:
    """Why there is no task to move."""
    task = command.calling.given["task"]
    if "closed" in journey.steps(command.at).get(task, ()):
        return "task_closed"
    opened = (each for each in journey.around.log if (each.journey, each.what) == (journey.number, "task"))
    return None if any((each.name, each.state) == (task, "done") for each in opened) else "task_not_opened"


def _coupon(journey: "Journey", command: CallOut) -> Given:
    """A pool never runs dry here; whoever wants to see that says that the step fails with `pool_empty`."""
    given, history, at = command.calling.given, journey.around.history, microseconds(command.at)
    rows = [row for row in history.facts.rows["coupons"] if column("coupons", "pool", row) == given["pool"]]
    most = given.get("per_customer")
    if isinstance(most, int) and len(rows) >= most:
        return "failed", "limit_reached"
    ends = None
    if "expires" in given:
        ends = microseconds(end_of_day(command.at + timedelta(seconds=given["expires"]), history.facts.zone))
    redeemed = journey.becomes(command.step, command.at, "redeemed")
    used = None if redeemed is None else microseconds(redeemed)
    history.add("coupons", at, pool=given["pool"], expires_at=ends, expired_at=ends, redeemed_at=used)
    if used is not None:
        history.tell("coupon.redeemed", used, {"pool": given["pool"]})
    journey.around.judge(command.at, "coupons")
    return "done", None


# --- points -----------------------------------------------------------------------------------------------------------


def _points(journey: "Journey", command: CallOut) -> Given:
    before = len(journey.around.history.facts.rows["points"])
    state, reason = _written(journey, command)
    rows = journey.around.history.facts.rows["points"][before:]
    many = sum(cast("int", column("points", "points", row)) for row in rows)
    journey.note(command.at, "points", command.step, state=state, reason=reason, amount=many)
    if state == "done":
        journey.around.judge(command.at, "points")
    return state, reason


def _written(journey: "Journey", command: CallOut) -> Given:
    """Writes the entries, or says why there are none."""
    given, history, at = command.calling.given, journey.around.history, command.at
    order, currency, total = _order(journey)
    entries = list(_entries(history))
    if "take" in given:
        if ledger(entries).balance(at) < given["take"]:
            return "failed", "not_enough_points"
        _write(history, New("", "spend", -given["take"], at))
        return "done", None
    if "reverse" in given:
        whole = (1, 1) if given["reverse"] == "all" else (_refunded(history, order, currency, microseconds(at)), total)
        for new in reversals(entries, "", order, at, whole) if order is not None else ():
            _write(history, new)
        return "done", None
    many = given["add"] if "add" in given else _counted(journey, command, currency)
    if isinstance(many, str):
        return "failed", many
    if many > 0:
        later = at + timedelta(seconds=given.get("pending", 0))
        ends = at + timedelta(seconds=given["expires"]) if "expires" in given else None
        _write(history, New("", "earn", many, at, later, ends, cast("int | None", order)))
    return "done", None


def _order(journey: "Journey") -> tuple[object, object, int]:
    """Our number of the journey's order, its currency and what it costs."""
    order = journey.subject.key if journey.subject.kind == "order" else journey.subject.order
    row = None if order is None else journey.around.history.row(Subject("order", order))
    if row is None:
        return None, None, 0
    total = column("orders", "total", row)
    return order, column("orders", "currency", row), total if isinstance(total, int) else 0


def _counted(journey: "Journey", command: CallOut, currency: object) -> int | str:
    """One for each full `per` of what is looked up; or why it cannot be counted."""
    given, looked_up = command.calling.given, command.calling.looked_up
    per = given["per"].get(currency) if isinstance(given["per"], dict) else given["per"]
    of = journey.value(looked_up["of"], command.at) if "of" in looked_up else given.get("of")
    if not isinstance(per, int):
        return "currency_unknown"
    return of // per if isinstance(of, int) else "amount_unknown"


def _refunded(history: History, order: object, currency: object, at: int) -> int:
    """What was given back for an order by then, in its currency."""
    refunds = 0
    for row in history.facts.rows.get("returns", ()):
        back, when = column("returns", "refund", row), column("returns", "refunded_at", row)
        whose = column("returns", "order_id", row), column("returns", "currency", row)
        if whose == (order, currency) and isinstance(when, int) and when <= at and isinstance(back, int):
            refunds += back
    return refunds


def _entries(history: History) -> Iterator[Entry]:
    """The ledger; entries that a simulation has written have numbers after all others."""
    for number, row in enumerate(history.facts.rows["points"]):
        own, kind, points, lot, order = (
            column("points", name, row) for name in ("entry_id", "kind", "points", "lot_id", "order_id")
        )
        at, available, expires = (
            instant(value) if isinstance(value := column("points", name, row), int) else None
            for name in ("at", "available_at", "expires_at")
        )
        if at is not None:
            entry = own if isinstance(own, int) else _AFTER_ALL + number
            yield Entry(
                entry, cast("Kind", kind), cast("int", points), at, available, expires,
                cast("int | None", order), cast("int | None", lot),
            )  # fmt: skip


_AFTER_ALL = 1 << 60


def _write(history: History, new: New) -> None:
    ends = None if new.expires_at is None else microseconds(new.expires_at)
    history.add(
        "points",
        microseconds(new.at),
        kind=new.kind,
        points=new.points,
        available_at=microseconds(new.available_at or new.at),
        expires_at=ends,
        order_id=new.order_id,
        lot_id=new.lot,
        entry_id=_AFTER_ALL + len(history.facts.rows["points"]),
    )


def _update(journey: "Journey", command: CallOut) -> Given:
    """Told as an event, as the intake does: it may start journeys and be heard of."""
    given = dict(command.calling.given)
    given |= {
        key: value
        for key, name in command.calling.looked_up.items()
        if (value := journey.value(name, command.at)) is not None
    }
    journey.note(command.at, "update", command.step)
    journey.around.update(given, command.at)
    return "done", None
