"""The last two weeks: bank-slip orders of which each shows something that a payment reminder must get right."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.sample.chance import Chance, at
from engine.sample.model import Order, Person, Product
from engine.sample.orders import fulfil, new_order

DAYS = 14
HIGH_SPENDER = 60_000
"""Cents paid before: enough to stay over 500 euros whatever is returned."""

Choice = Callable[[Person, int], bool]


@dataclass(frozen=True)
class Scene:
    """Some orders of one course. Hours count from the placing; `pays` None never pays.

    Args:
        name: what it shows.
        count: how many orders.
        who: from the customer and what was paid before (cents), whether they fit.
        pays: hours after which it is paid, from and to.
        cancelled: likewise, for orders that are cancelled unpaid.
        by_night: placed between half past nine in the evening and seven, so that a reminder falls into quiet hours.
        within_days: placed in the first so many of the last days, so that the course is seen to its end.
    """

    name: str
    count: int
    who: Choice
    pays: tuple[float, float] | None = None
    cancelled: tuple[float, float] | None = None
    by_night: bool = False
    within_days: int = 9


def _returning(person: Person, spent: int) -> bool:
    return person.reachable and bool(person.given_name) and 0 < spent < HIGH_SPENDER


def _newcomer(person: Person, _spent: int) -> bool:
    return person.habit == "newcomer"


def _high_spender(person: Person, spent: int) -> bool:
    return person.reachable and spent >= HIGH_SPENDER


def _abroad(person: Person, spent: int) -> bool:
    return person.reachable and spent > 0 and person.zone not in ("Europe/Berlin", "Europe/Vienna", "Europe/Paris")


SCENES = (
    # Rare customers first: who is in one scene is in no other.
    Scene("no consent", 3, lambda person, _: person.refuses_service and bool(person.email) and person.bounced is None),
    Scene("suppressed", 3, lambda person, _: person.bounced is not None and bool(person.email)),
    Scene("no address", 3, lambda person, _: not person.email and person.habit != "prospect"),
    Scene("no given name", 2, lambda person, spent: person.reachable and not person.given_name and spent > 0),
    Scene("high spender never pays", 5, _high_spender, within_days=8),
    Scene("high spender pays before the call", 2, _high_spender, pays=(84, 92), within_days=8),
    Scene("newcomer never pays", 5, _newcomer),
    Scene("newcomer pays after a day", 4, _newcomer, pays=(36, 44)),
    Scene("newcomer pays in time", 6, _newcomer, pays=(0.5, 20), within_days=12),
    Scene("abroad", 5, _abroad),
    Scene("by night", 6, _returning, by_night=True),
    Scene("never pays", 5, _returning),
    Scene("pays after 30 hours", 5, _returning, pays=(29.5, 30.5)),
    Scene("pays after 3 days", 4, _returning, pays=(74, 86)),
    Scene("pays in time", 10, _returning, pays=(0.5, 20), within_days=12),
    Scene("cancelled in time", 3, _returning, cancelled=(4, 20)),
    Scene("cancelled after a reminder", 2, _returning, cancelled=(38, 46)),
)


def play_scenes(
    seed: int, people: Sequence[Person], products: Sequence[Product], orders: Sequence[Order], end: datetime
) -> list[Order]:
    """The orders of all scenes. Newcomers sign up just before theirs; those left over pay in time."""
    chance = Chance(seed, "scenes")
    begin = end - timedelta(days=DAYS)
    spent = _spent(orders, begin)
    free = list(people)
    played = []
    for scene in SCENES:
        for _ in range(scene.count):
            person = next((each for each in free if scene.who(each, spent.get(each.key, 0))), None)
            if person is None:
                break
            free.remove(person)
            played.append(_play(chance, scene, person, products, begin))
    in_time = next(scene for scene in SCENES if scene.name == "newcomer pays in time")
    played += [
        _play(chance, in_time, person, products, begin, method="card") for person in free if person.habit == "newcomer"
    ]
    return played


def _play(
    chance: Chance,
    scene: Scene,
    person: Person,
    products: Sequence[Product],
    begin: datetime,
    method: str = "bank_slip",
) -> Order:
    day = begin.astimezone(ZoneInfo(person.zone)).date() + timedelta(days=chance.whole(0, scene.within_days - 1))
    if scene.by_night:
        placed = at(day, person.zone, *chance.one(((21, 40), (22, 15), (23, 5), (23, 50), (0, 35), (6, 30))))
    else:
        placed = chance.moment(day, person.zone, evenings=False)
    placed = max(placed, begin + timedelta(minutes=30))
    if person.habit == "newcomer":
        person.signed_up = placed - timedelta(minutes=chance.whole(4, 25))
    order = new_order(chance, person, placed, products, method=method)
    fulfil(
        chance,
        order,
        pays_after=chance.hours(*scene.pays) if scene.pays else None,
        cancelled_after=chance.hours(*scene.cancelled) if scene.cancelled else None,
    )
    if method == "bank_slip":
        order.scene = scene.name
    return order


def _spent(orders: Sequence[Order], before: datetime) -> dict[str, int]:
    spent: dict[str, int] = {}
    for order in orders:
        if order.paid is not None and order.paid < before:
            spent[order.person.key] = spent.get(order.person.key, 0) + order.total
    return spent
