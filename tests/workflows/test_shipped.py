"""Shipped playbooks that start by a change of standing, from the fact to the message, on the real servers."""

from datetime import timedelta

from engine.evaluation.due import evaluate_due
from engine.evaluation.run import Asked, evaluate
from tests.replay.scenes import fill
from tests.workflows.running import engine, mails, until
from tests.workflows.shop import ZENOBIA, now


def ordered(shop, number, customer, euros, days):
    """An order that was paid at once, by somebody who wants to hear from the shop."""
    at = now() - timedelta(days=days)
    person = {**ZENOBIA, "email": f"{customer}@example.net"}
    total = {"amount": f"{euros}.00", "currency": "EUR"}
    shop.place(number, customer, at=at, payment_method="card", total=total, person=person)
    shop.pay(number, at=at)
    shop.execute(
        """insert into consents (customer_id, purpose, channel, granted, at, source)
           select customer_id, 'marketing', 'email', true, placed_at, 'sign-up' from orders where number = %s""",
        number,
    )


def judge(shop):
    """Everybody's first standing, which starts nothing; journeys of the orders themselves are over."""
    shop.execute("update journeys set state = 'ended', outcome = 'ended'")
    shop.execute("update outbox set done_at = now()")
    evaluate(Asked(shop.url, shop.rules, now(), now(), write=True))


def of(shop, playbook):
    return [each for each in shop.journeys() if each[0].startswith(f"{playbook}/")]


async def test_who_rises_into_the_best_tier_is_told_and_gets_what_it_grants(
    open_shop, namespace, mailbox, shipped_rules
):
    shop = open_shop(shipped_rules)
    for number, euros in enumerate((500, 400, 300, 50), 1):
        ordered(shop, f"N-{number}", f"c{number}", euros, days=20)
    judge(shop)
    fill(shop, "WELCOME-1", pool="tier-gift-20")
    async with engine(shop, namespace, mailbox):
        ordered(shop, "N-5", "c4", 900, days=0)
        await until(lambda: [each[1] for each in of(shop, "tier-upgrade")] == ["ended"], "the celebration")
    assert [mail["To"] for mail in mails(mailbox) if "Supreme VIP" in mail["Subject"]] == ["c4@example.net"]
    assert [task[0] for task in shop.tasks() if task[1] == "care"] == ["adviser"]
    tags = [row["tag"] for row in shop.rows("select tag from hand_tags order by tag")]
    assert tags == ["celebrated-supreme", "express-delivery", "priority-queue"]
    assert shop.row("select points from points_entries where key like 'tier-upgrade/%%'")["points"] == 500
    assert "WELCOME-1" in "".join(mail.get_body(("plain",)).get_content() for mail in mails(mailbox))


async def test_who_falls_asleep_is_written_to_and_left_alone_after_an_order(
    open_shop, namespace, mailbox, shipped_rules
):
    shop = open_shop(shipped_rules)
    nearly = 90 - 3 / 86400
    ordered(shop, "N-1", "c1", 80, days=nearly)
    judge(shop)
    assert of(shop, "win-back") == []
    async with engine(shop, namespace, mailbox):
        with shop.pool.connection() as connection:
            connection.autocommit = True
            await until(lambda: evaluate_due(connection, shop.matcher, now()), "the turn to sleeping")
            connection.autocommit = False
        await until(lambda: any(message[0] == "news" for message in shop.messages()), "the news")
        shop.place("N-2", "c1", payment_method="card")
        shop.pay("N-2")
        await until(lambda: [each[1] for each in of(shop, "win-back")] == ["stopped"], "the stop")
    assert of(shop, "win-back")[0][2] == "order.paid"
