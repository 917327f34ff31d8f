"""The bound holds: whatever playbooks and whatever happens, no customer gets more than `check` says."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.language.rules import compile_rules
from engine.messages.bound import bounds
from engine.simulation.journey import Assumed
from engine.simulation.world import Compiled, EndlessError, Person, World
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


def hours(least, most):
    """A length of time, mostly of whole days, so that much meets at once."""
    return st.one_of(st.integers(least, most), st.sampled_from([24, 48, 72, 96, 168])).map(lambda n: f"{n}h")


SEND = st.just({"send": {"channel": "email", "template": "unpaid"}})
VISIT = {"event": "site.visit"}
CONDITIONS = st.sampled_from(
    [{"paid_orders": {"gte": 1}}, {"did": {**VISIT, "within": "3d"}}, {"tags": "warm"}, {"country": "DE"}]
)
SIMPLE = st.one_of(
    SEND,
    SEND,
    SEND,
    hours(1, 200).map(lambda length: {"wait": length}),
    hours(1, 300).map(lambda length: {"wait": {"for": length, "since": "start"}}),
    hours(1, 30).map(lambda length: {"wait": {"for": length, "hours": "business"}}),
    st.sampled_from([{"at": "10:00"}, {"weekday": "monday", "at": "22:30"}, {"date": "last_order_at", "offset": "3d"}])
    .map(lambda until: {"wait": {"until": until}}),
    st.sampled_from([{"add": "warm"}, {"add": "cold", "expires": "3d"}, {"remove": "warm"}]).map(lambda t: {"tag": t}),
    st.just({"task": {"team": "sales"}}),
)  # fmt: skip


ENDS = st.sampled_from([[], [], [], ["end"]])


def nested(steps):
    blocks = st.builds(lambda own, last: [*own, *last], st.lists(steps, min_size=1, max_size=3), ENDS)
    return st.one_of(
        st.builds(lambda c, then, orelse: {"if": c, "then": then, "else": orelse}, CONDITIONS, blocks, blocks),
        st.builds(
            lambda w, got, orelse: {"wait_for": {**VISIT, "within": w}, "got": got, "else": orelse},
            hours(1, 100), blocks, blocks,
        ),
        st.builds(
            lambda w, one, two: {"first": [{**VISIT, "then": one}, {"event": "order.paid", "then": two}], "within": w},
            hours(1, 100), blocks, blocks,
        ),
        st.builds(
            lambda t, e, body: {"repeat": {"times": t, "every": e}, "steps": body},
            st.integers(1, 4), hours(1, 60), blocks,
        ),
        st.builds(
            lambda t, body: {"repeat": {"times": t}, "steps": [{"wait": "1h"}, *body]}, st.integers(1, 3), blocks
        ),
        st.builds(lambda one, two: {"parallel": {"one": one, "two": two}}, blocks, blocks),
        st.builds(lambda body: {"task": {"team": "sales"}, "on_failure": body}, blocks),
        st.builds(lambda body: {"send": {"channel": "email", "template": "unpaid"}, "on_failure": body}, blocks),
    )  # fmt: skip


def steps(names):
    """Steps that may start some playbooks, with one message at least."""
    starts = [st.sampled_from(names).map(lambda name: {"start": {"playbook": name}})] * bool(names)
    some = st.lists(st.recursive(st.one_of(SIMPLE, *starts), nested, max_leaves=8), min_size=1, max_size=4)
    return st.builds(lambda before, send, after: [*before, send, *after], some, SEND, some)


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


@st.composite
def shops(draw):
    """Two or three playbooks that start each other or not, and a policy that disturbs at night or not."""
    files = {}
    names = NAMES[: draw(st.integers(2, 3))]
    once = draw(st.booleans())
    for number, name in enumerate(names):
        subject = draw(st.sampled_from(["customer", "customer", "order"])) if number else "customer"
        startable = (*names[number + 1 :], *[NAMES[0]] * once)
        told = {
            "playbook": name,
            "title": name,
            "for": subject,
            "start": draw(st.sampled_from(STARTS[subject][-2:] if once and not number else STARTS[subject])),
            "controls": {"purpose": draw(st.sampled_from(["service", "marketing"]))},
            "steps": draw(steps(startable)),
        }
        files[f"playbooks/{name}.yaml"] = json.dumps(told)
    policy = POLICY | draw(st.sampled_from([{}, NIGHTS, NIGHTS | WORKDAYS]))
    return compile_rules({**QUIET, "tags.yaml": TAGS, "policy.yaml": json.dumps({"policy": policy}), **files})


MOMENTS = st.integers(0, DAYS * 24 * 4).map(lambda quarters: BEGINS + timedelta(minutes=15 * quarters))


@st.composite
def people(draw, each):
    """Somebody with so many orders, carts and searches, and with any number of visits."""
    rows = {name: [] for name in RELATIONS}

    def add(relation, at, **values):
        own = {name: microseconds(each) if isinstance(each, datetime) else each for name, each in values.items()}
        rows[relation].append(RELATIONS[relation].row(microseconds(at), f"{len(rows[relation]):06d}", **own))

    for number in range(each):
        placed = draw(MOMENTS)
        paid = draw(st.one_of(st.none(), st.integers(0, 100).map(lambda n, at=placed: at + timedelta(hours=n))))
        add("orders", placed, order_id=number + 1, number=f"o{number}", paid_at=paid, counts=True)
        for kind in ("cart", "search"):
            add("site_events", draw(MOMENTS), kind=kind)
    for at in draw(st.lists(MOMENTS, min_size=5, max_size=25)):
        add("site_events", at, kind="visit")
    person = {"key": "ada", "has_email": True, "country": "DE"}
    rows["customer"] = [RELATIONS["customer"].row(None, "000000", **person)]
    return CustomerFacts(1, draw(st.sampled_from(["Europe/Berlin", "Asia/Tokyo", "America/Sao_Paulo"])), rows)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rules=shops(), each=st.integers(1, 2), data=st.data())
def test_no_customer_gets_more_than_the_bound(rules, each, data):
    failing = {step.id: "unreachable" for plan in rules.plans.values() for step in plan.code if step.on_failure}
    taken = data.draw(st.sets(st.sampled_from(sorted(failing)))) if failing else set()
    assumed = Assumed(failing={step: failing[step] for step in taken})
    names = [name for name in rules.plans if name in NAMES]
    world = World(Compiled(rules, names, "EUR"), Person(data.draw(people(each))), BEGINS, assumed)
    try:
        world.run(BEGINS + timedelta(days=DAYS))
    except EndlessError:
        event("endless")
        return
    sent = [message for message in world.messages if message.state == "sent"]
    event(f"sent: {min(len(sent), 10)}")
    for bound in bounds(rules, each):
        found = busiest(sent, bound)
        event(f"bound {min(bound.messages, 5)}, of which {min(found, 5)}")
        assert found <= bound.messages, (found, bound, Counter(f"{m.playbook} {m.step} {m.at}" for m in sent))


def busiest(sent, bound):
    """The most messages that a bound concerns in any of its spans."""
    span = timedelta(seconds=bound.seconds)
    own = sorted(message.at for message in sent if not bound.purposes or message.purpose in bound.purposes)
    return max((sum(begins <= at < begins + span for at in own) for begins in own), default=0)
