"""Coupons, points, tasks that move and playbooks that start others, on the real servers."""

import asyncio

import pytest

from tests.replay.scenes import GIFTS, Stage, fill, given_moved_and_started, pool_that_is_empty, stands_at
from tests.workflows.rules import HEAD, make_rules
from tests.workflows.running import engine, until, words

CALLS = "select step, state, reason from calls order by id"
COUPONS = "select code, customer_id is not null as given, key, expires_at::text from coupons order by id"
POINTS = "select kind, points from points_entries order by at, id"


def calls(shop):
    return [tuple(row.values()) for row in shop.rows(CALLS)]


async def played(open_shop, namespace, mailbox, steps, *, codes=("CODE-1",), head=HEAD, orders=("N-1001",), more=GIFTS):
    """Journeys of these orders of one customer, one after the other, to their ends."""
    shop = open_shop(make_rules(steps, head=head, more=more))
    fill(shop, *codes)
    async with engine(shop, namespace, mailbox) as running:
        for number in orders:
            shop.place(number)
            await running.finished(number)
    return shop


async def test_a_coupon_points_a_task_and_another_playbook_each_once_and_no_code_in_the_history(
    open_shop, namespace, mailbox
):
    running = await given_moved_and_started(Stage(open_shop, namespace, mailbox.directory))
    shop = running.shop
    key = f"{shop.row('select workflow_id from journeys where id = 1')['workflow_id']}/gift/1"
    coupon = shop.row(COUPONS)
    assert (coupon["code"], coupon["given"], coupon["key"]) == ("CODE-1", True, key)
    assert coupon["expires_at"].endswith("00:00:00+00")
    assert [tuple(row.values()) for row in shop.rows(POINTS)] == [("earn", 49)]
    assert shop.tasks()[0][:2] == ("answer", "lead")
    assert calls(shop) == [
        ("gift", "done", None),
        ("earn", "done", None),
        ("up", "done", None),
        ("follow", "done", None),
    ]
    assert [row["playbook"] for row in shop.rows("select playbook from journeys order by id")] == [
        "payment-reminder",
        "follow-up",
    ]
    (mail,) = mailbox.directory.glob("*.eml")
    assert "CODE-1 until" in mail.read_text()
    assert "CODE-1" not in words(await running.client.get_workflow_handle(key.removesuffix("/gift/1")).fetch_history())


async def test_of_an_empty_pool_nobody_is_promised_a_coupon_and_the_playbook_goes_another_way(
    open_shop, namespace, mailbox
):
    running = await pool_that_is_empty(Stage(open_shop, namespace, mailbox.directory))
    assert calls(running.shop) == [("gift", "failed", "pool_empty")]
    assert [task[0] for task in running.shop.tasks()] == ["refill"]
    assert running.shop.messages() == []


async def test_who_has_had_as_many_as_the_pool_allows_gets_no_more(open_shop, namespace, mailbox):
    steps = "steps:\n  - coupon: {id: gift, pool: comeback}\n    on_failure: [end]\n"
    shop = await played(open_shop, namespace, mailbox, steps, codes=("A", "B"), orders=("N-1", "N-2"))
    assert calls(shop) == [("gift", "done", None), ("gift", "failed", "limit_reached")]
    assert [row["given"] for row in shop.rows(COUPONS)] == [True, False]


async def test_codes_that_are_given_at_the_same_time_are_never_the_same_one(open_shop, namespace, mailbox):
    steps = "steps:\n  - coupon: {id: gift, pool: comeback}\n    on_failure: [end]\n"
    shop = open_shop(make_rules(steps, more=GIFTS))
    fill(shop, *(f"CODE-{number}" for number in range(12)))
    numbers = [f"N-{number}" for number in range(15)]
    async with engine(shop, namespace, mailbox) as running:
        for number in numbers:
            shop.place(number, f"c-{number}", person={"country": "DE"})
        await asyncio.gather(*(running.finished(number, seconds=60) for number in numbers))
    given = shop.rows("select customer_id, key from coupons where customer_id is not null")
    assert len(given) == len({row["customer_id"] for row in given}) == len({row["key"] for row in given}) == 12
    assert sorted(calls(shop)).count(("gift", "failed", "pool_empty")) == 3


@pytest.mark.parametrize(("take", "entries"), [(49, [("earn", 49), ("spend", -49)]), (50, [("earn", 49)])])
async def test_points_are_taken_only_where_there_are_as_many(open_shop, namespace, mailbox, take, entries):
    steps = f"""
steps:
  - points: {{add: {{of: order.total, per: 1 EUR}}}}
  - points: {{id: pay, take: {take}}}
    on_failure: [end]
"""
    shop = await played(open_shop, namespace, mailbox, steps)
    assert [tuple(row.values()) for row in shop.rows(POINTS)] == entries
    assert calls(shop)[1] == (("pay", "done", None) if len(entries) == 2 else ("pay", "failed", "not_enough_points"))


async def test_points_in_a_currency_of_which_nothing_is_said_are_not_guessed(open_shop, namespace, mailbox):
    steps = "steps:\n  - points: {id: earn, add: {of: order.total, per: 5 BRL}}\n    on_failure: [end]\n"
    shop = await played(open_shop, namespace, mailbox, steps)
    assert calls(shop) == [("earn", "failed", "currency_unknown")]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ("[{if: {country: NO}, then: [{task: {id: answer, team: support}}]}, MOVE]", "task_not_opened"),
        ("[{task: {id: answer, team: support}}, {wait_for: {event: order.shipped, within: 20s}}, MOVE]", "task_closed"),
    ],
)
async def test_a_task_that_is_closed_or_was_never_opened_is_not_moved(open_shop, namespace, mailbox, steps, reason):
    steps = f"steps: {steps}\n".replace("MOVE", "{task: {id: up, move: answer, to: lead}}")
    attributes = "attributes: {country: {title: C, type: string, value: customer.country}}"
    shop = open_shop(make_rules(steps, attributes=attributes))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        if reason == "task_closed":
            await until(lambda: stands_at(running, "wait_for-1"), "the wait")
            shop.execute("update tasks set closed_at = now(), closed_by = 'Ada'")
            shop.tell(shop.event("order.shipped", "N-1001"))
        await running.finished()
    assert calls(shop) == [("up", "skipped", reason)]


async def test_a_playbook_is_started_once_by_its_own_terms(open_shop, namespace, mailbox):
    other = GIFTS["playbooks/follow-up.yaml"].replace(
        "order.shipped}", "order.shipped, only_if: {order.total: {gte: 50 EUR}}}"
    )
    steps = "steps: [{start: {id: follow, playbook: follow-up}}, {start: {id: again, playbook: resting}}]\n"
    resting = other.replace("follow-up", "resting").replace("for: order", "for: order\nstatus: paused")
    more = {**GIFTS, "playbooks/follow-up.yaml": other, "playbooks/resting.yaml": resting}
    shop = await played(open_shop, namespace, mailbox, steps, more=more)
    assert calls(shop) == [("follow", "skipped", "not_allowed"), ("again", "skipped", "not_live")]
    assert len(shop.journeys()) == 1


ASKING = """
playbook: payment-reminder
title: Asking
for: order
start: {any: [{event: review.created}, {event: order.placed, where: {payment_method: card}}]}
controls: {purpose: service}
steps:
  - if: {product.category: shoes, product.settling_days: {gte: 20}}
    then: [{task: {id: shoes, team: support}}]
  - if: {trigger.payment_method: card}
    then: [{task: {id: by-card, team: support}}]
  - switch: {id: how, on: trigger.payment_method}
    cases: {card: [{task: {id: chosen, team: support}}]}
"""
LINES = [
    {"quantity": 1, "unit_price": {"amount": "10.00", "currency": "EUR"}, "product": "p1"},
    {"quantity": 1, "unit_price": {"amount": "10.00", "currency": "EUR"}, "product": "p2"},
]


async def test_steps_ask_for_the_products_and_for_the_event_that_started_the_journey(open_shop, namespace, mailbox):
    shop = open_shop(make_rules("", head=ASKING))
    shop.execute(
        """insert into products (shop_id, key, category, settling_days)
           select id, p.key, p.category, p.days from shops,
                  (values ('p1', 'shoes', 7), ('p2', 'socks', 21)) p (key, category, days)"""
    )
    async with engine(shop, namespace, mailbox) as running:
        shop.place(payment_method="card", lines=LINES)
        await running.finished()
    assert [task[0] for task in shop.tasks()] == ["shoes", "by-card", "chosen"]


SCORED = """
playbook: payment-reminder
title: Scored
for: order
start: {event: review.created}
controls: {purpose: service}
steps:
  - if: {trigger.score: {lte: 2}}
    then: [{task: {id: bad, team: support}}]
    else: [{task: {id: good, team: support}}]
"""


@pytest.mark.parametrize(("score", "task"), [(2, "bad"), (3, "good")])
async def test_a_field_of_the_starting_event_is_compared_by_its_own_type(open_shop, namespace, mailbox, score, task):
    shop = open_shop(make_rules("", head=SCORED))
    async with engine(shop, namespace, mailbox) as running:
        shop.place()
        shop.tell(shop.event("review.created", "N-1001", data={"review": "1", "score": score}))
        await running.finished()
    assert [each[0] for each in shop.tasks()] == [task]
