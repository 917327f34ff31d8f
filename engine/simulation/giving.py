"""What steps give a customer or have done elsewhere, in memory: coupons, points, updates, calls, other playbooks."""

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from engine.conditions.operands import microseconds
from engine.journeys.commands import CallOut
from engine.journeys.plan import Coupon, Move, Points, StartPlaybook, Update
from engine.simulation.history import column

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
            state, reason = "done", None
            journey.note(command.at, "move", command.step, to=calling.given.get("to"))
        case _:
            state, reason = "done", None
            journey.note(command.at, calling.op, command.step)  # type: ignore[arg-type]  # call or webhook
    return state, reason


def _coupon(journey: "Journey", command: CallOut) -> Given:
    """A pool never runs dry here; whoever wants to see that says that the step fails with `pool_empty`."""
    given, history, at = command.calling.given, journey.around.history, microseconds(command.at)
    rows = [row for row in history.facts.rows["coupons"] if column("coupons", "pool", row) == given["pool"]]
    most = given.get("per_customer")
    if isinstance(most, int) and len(rows) >= most:
        return "failed", "limit_reached"
    ends = at + given["expires"] * _SECOND if "expires" in given else None
    redeemed = journey.becomes(command.step, command.at, "redeemed")
    used = None if redeemed is None else microseconds(redeemed)
    history.add("coupons", at, pool=given["pool"], expires_at=ends, expired_at=ends, redeemed_at=used)
    if used is not None:
        history.tell("coupon.redeemed", used, {"pool": given["pool"]})
    return "done", None


def _points(journey: "Journey", command: CallOut) -> Given:
    given, history, at = command.calling.given, journey.around.history, microseconds(command.at)
    looked_up = {key: journey.value(name, command.at) for key, name in command.calling.looked_up.items()}
    if "take" in given:
        if _balance(journey, at) < given["take"]:
            return _noted(journey, command, "failed", "not_enough_points", 0)
        history.add("points", at, kind="spend", points=-given["take"], available_at=at)
        return _noted(journey, command, "done", None, -given["take"])
    if "reverse" in given:
        return _noted(journey, command, "done", None, 0)
    many: object = given.get("add")
    if "add" not in given:
        per = given["per"]
        per = per.get(history.currency) if isinstance(per, dict) else per
        if not isinstance(per, int):
            return _noted(journey, command, "failed", "currency_unknown", 0)
        of = looked_up.get("of", given.get("of"))
        if not isinstance(of, int):
            return _noted(journey, command, "failed", "amount_unknown", 0)
        many = of // per
    assert isinstance(many, int)  # of the language
    if many > 0:
        later = microseconds(command.at + timedelta(seconds=given.get("pending", 0)))
        ends = at + given["expires"] * _SECOND if "expires" in given else None
        history.add("points", at, kind="earn", points=many, available_at=later, expires_at=ends)
    return _noted(journey, command, "done", None, many)


def _noted(
    journey: "Journey", command: CallOut, state: Literal["done", "failed"], reason: str | None, many: int
) -> Given:
    journey.note(command.at, "points", command.step, state=state, reason=reason, amount=many)
    if state == "done":
        journey.around.judge(command.at, "points")
    return state, reason


def _balance(journey: "Journey", at: int) -> int:
    """Points that can be spent: those available and not expired, less what was spent."""
    total = 0
    for row in journey.around.history.facts.rows["points"]:
        begins, ends = column("points", "available_at", row), column("points", "expires_at", row)
        many = column("points", "points", row)
        if (
            isinstance(many, int)
            and isinstance(begins, int)
            and begins <= at
            and not (isinstance(ends, int) and ends <= at)
        ):
            total += many
    return total


def _update(journey: "Journey", command: CallOut) -> Given:
    given = dict(command.calling.given)
    given |= {
        key: value
        for key, name in command.calling.looked_up.items()
        if (value := journey.value(name, command.at)) is not None
    }
    journey.around.history.set_person(**given)
    journey.note(command.at, "update", command.step)
    journey.around.judge(command.at, "customer")
    return "done", None
