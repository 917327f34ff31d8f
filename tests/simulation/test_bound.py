"""The bound holds: whatever playbooks and whatever happens, no customer gets more than `check` says."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.language.rules import compile_rules
from engine.messages.bound import bounds
from engine.simulation.compiled import Compiled
from engine.simulation.journey import Assumed
from engine.simulation.world import Person, World
from tests.language.shop import SHOP

BEGINS = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 40
TAGS = "tags: {warm: {title: Warm, by_hand: true}, cold: {title: Cold, by_hand: true}}"
POLICY = {
    "zone": "Europe/Berlin",
    "purposes": {"service": {"consent": "opt_out"}, "marketing": {"consent": "opt_out"}},
    "business_hours": {"monday": {"from": "09:00", "to": "17:00"}, "thursday": {"from": "09:00", "to": "13:00"}},
    "channels": {"email": {"provider": "mailbox"}},
    "caps": [{"at_most": 1000, "per": "2d"}, {"at_most": 1000, "per": "7d", "purposes": ["marketing"]}],
}
NIGHTS = {"quiet_hours": {"start": "21:00", "end": "08:00", "spread": "30m"}}
WORKDAYS = {"weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"]}
QUIET = {path: text for path, text in SHOP.items() if not path.startswith("playbooks/")}
NAMES = ("p0", "p1", "p2")


SEND = {"send": {"channel": "email", "template": "unpaid"}}
VISIT = {"event": "site.visit"}
CONDITIONS = ({"paid_orders": {"gte": 1}}, {"did": {**VISIT, "within": "3d"}}, {"tags": "warm"}, {"country": "DE"})
UNTIL = ({"at": "10:00"}, {"weekday": "monday", "at": "22:30"}, {"date": "last_order_at", "offset": "3d"})
TAGGING = ({"add": "warm"}, {"add": "cold", "expires": "3d"}, {"remove": "warm"})


class Shop:
    """Makes playbooks and people by chance, the same of one seed."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def hours(self, most):
        """A length of time, often of whole days, so that much meets at once."""
        return f"{self.chance.choice((self.chance.randint(1, most), 24, 48, 72, 96))}h"

    def simple(self, names):
        """A step without others in it."""
        chance = self.chance
        kinds = [
            *[lambda: SEND] * 6,
            lambda: {"wait": self.hours(100)},
            lambda: {"wait": {"for": self.hours(300), "since": "start"}},
            lambda: {"wait": {"for": self.hours(20), "hours": "business"}},
            lambda: {"wait": {"until": chance.choice(UNTIL)}},
            lambda: {"tag": chance.choice(TAGGING)},
            *[lambda: {"start": {"playbook": chance.choice(names)}}] * bool(names),
        ]
        return chance.choice(kinds)()

    def nested(self, names, depth):
        """A step with others in it."""
        chance, block = self.chance, lambda: self.block(names, depth - 1)
        race = lambda: [{**VISIT, "then": block()}, {"event": "order.paid", "then": block()}]  # noqa: E731
        kinds = (
            lambda: {"if": chance.choice(CONDITIONS), "then": block(), "else": block()},
            lambda: {"wait_for": {**VISIT, "within": self.hours(100)}, "got": block(), "else": block()},
            lambda: {"first": race(), "within": self.hours(100)},
            lambda: {"repeat": {"times": chance.randint(1, 4), "every": self.hours(60)}, "steps": block()},
            lambda: {"repeat": {"times": chance.randint(1, 3)}, "steps": [{"wait": "1h"}, *block()]},
            lambda: {"parallel": {"one": block(), "two": block()}},
            lambda: {**SEND, "on_failure": block()},
        )
        return chance.choice(kinds)()

    def block(self, names, depth):
        """A few steps, which may end the journey."""
        steps = [
            self.nested(names, depth) if depth and self.chance.random() < 0.3 else self.simple(names)
            for _ in range(self.chance.randint(1, 4))
        ]
        return [*steps, "end"] if depth < 2 and self.chance.random() < 0.2 else steps

    def rules(self):
        """Two or three playbooks that start each other or not, and a policy that disturbs at night or not."""
        chance, files = self.chance, {}
        names, once = NAMES[: chance.randint(2, 3)], chance.random() < 0.3
        for number, name in enumerate(names):
            subject = chance.choice(("customer", "customer", "order")) if number else "customer"
            startable = (*names[number + 1 :], *[NAMES[0]] * once)
            told = {
                "playbook": name,
                "title": name,
                "for": subject,
                "start": chance.choice(STARTS[subject][-2:] if once and not number else STARTS[subject]),
                "controls": {"purpose": chance.choice(("service", "marketing"))},
                "steps": self.block(startable, 2),
            }
            files[f"playbooks/{name}.yaml"] = json.dumps(told)
        policy = POLICY | chance.choice(({}, NIGHTS, NIGHTS | WORKDAYS))
        return compile_rules({**QUIET, "tags.yaml": TAGS, "policy.yaml": json.dumps({"policy": policy}), **files})

    def person(self, each):
        """Somebody with so many orders, carts and searches, and with any number of visits."""
        chance, rows = self.chance, {name: [] for name in RELATIONS}

        def moment():
            return BEGINS + timedelta(minutes=15 * chance.randint(0, DAYS * 24 * 4))

        def add(relation, at, **values):
            rows[relation].append(RELATIONS[relation].row(microseconds(at), f"{len(rows[relation]):06d}", **values))

        for number in range(each):
            placed = moment()
            paid = chance.choice((None, microseconds(placed + timedelta(hours=chance.randint(0, 100)))))
            add("orders", placed, order_id=number + 1, number=f"o{number}", paid_at=paid, counts=True)
            for kind in ("cart", "search"):
                add("site_events", moment(), kind=kind)
        for _ in range(chance.randint(5, 40)):
            add("site_events", moment(), kind="visit")
        person = {"key": "ada", "has_email": True, "country": "DE"}
        rows["customer"] = [RELATIONS["customer"].row(None, "000000", **person)]
        return CustomerFacts(1, chance.choice(("Europe/Berlin", "Asia/Tokyo", "America/Sao_Paulo")), rows)


STARTS = {
    "customer": [
        {"event": "site.cart"},
        {"event": "order.paid"},
        {"any": [{"event": "site.cart"}, {"event": "site.search"}]},
        {"enters": {"tag": "warm"}},
        {"leaves": {"tag": "cold"}},
        {"every": "day", "at": "10:00"},
        {"every": "week", "weekday": "tuesday", "at": "20:00"},
        {"event": "site.visit", "once_per": "36h"},
        {"event": "site.visit", "once_per": "9d"},
    ],
    "order": [{"event": "order.placed"}, {"any": [{"event": "order.placed"}, {"event": "order.paid"}]}],
}


def live(seed):
    """A shop and a customer: what she was sent, the bounds, and whether it came to an end."""
    shop = Shop(seed)
    rules, each = shop.rules(), shop.chance.randint(1, 2)
    failing = [step.id for plan in rules.plans.values() for step in plan.code if step.on_failure]
    assumed = Assumed(failing={step: "unreachable" for step in failing if shop.chance.random() < 0.5})
    world = World(Compiled(rules, list(rules.plans), "EUR"), Person(shop.person(each)), BEGINS, assumed)
    world.run(BEGINS + timedelta(days=DAYS))
    return [message for message in world.messages if message.state == "sent"], bounds(rules, each)


def counts(sent, found):
    """What must be no more than what: messages of all, of each playbook, and of each journey; in any span."""
    for bound in found:
        own = [message for message in sent if not bound.purposes or message.purpose in bound.purposes]
        yield busiest(own, bound.seconds), bound.messages
        shares = {share.playbook: share for share in bound.shares}
        for playbook in {message.playbook for message in own}:
            theirs = [message for message in own if message.playbook == playbook]
            yield busiest(theirs, bound.seconds), shares[playbook].total
            for journey in {message.journey for message in theirs}:
                one = [message for message in theirs if message.journey == journey]
                yield busiest(one, bound.seconds), shares[playbook].messages


def busiest(sent, seconds):
    """The most messages in any span of so many seconds."""
    span, instants = timedelta(seconds=seconds), sorted(message.at for message in sent)
    return max((sum(begins <= at < begins + span for at in instants) for begins in instants), default=0)


@pytest.mark.parametrize("part", range(10))
def test_no_customer_gets_more_than_the_bound(part):
    reached = 0
    for seed in range(part * 20, part * 20 + 20):
        sent, found = live(seed)
        for most, bound in counts(sent, found):
            assert most <= bound, (seed, found, [(each.playbook, each.step, each.at) for each in sent])
            reached += most == bound > 0
    assert reached > 30, "often as much comes as can"
