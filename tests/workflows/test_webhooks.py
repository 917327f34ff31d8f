"""Playbooks tell other systems and update the customer's record, on the real servers."""

import pytest

from tests.activities.providers.http_servers import Says, Service, serving
from tests.replay.scenes import TELLING, Stage, settings, settings_of, told_and_updated
from tests.workflows.rules import impatient, make_rules
from tests.workflows.running import engine, words
from tests.workflows.shop import ZENOBIA

CALLS = "select step, activity, state, reason, attempts from calls order by id"


def rows(shop):
    return [tuple(row.values()) for row in shop.rows(CALLS)]


async def test_another_system_is_told_once_and_the_customer_updated_once(open_shop, namespace, mailbox):
    running = await told_and_updated(Stage(open_shop, namespace, mailbox.directory))
    shop = running.shop
    assert rows(shop) == [("tell", "webhook", "done", None, 2), ("note", "update", "done", None, 1)]
    assert shop.row("select source from customers")["source"] == "told"
    event = shop.row("select key, kind from events where kind = 'customer.updated'")
    assert event["key"] == f"step/{shop.journey()['workflow_id']}/note/1"
    assert [task[0] for task in shop.tasks()] == ["praise"]
    text = words(await running.history())
    for secret in ("whsec-of-the-shop", "127.0.0.1", ZENOBIA["email"]):
        assert secret not in text


async def played(open_shop, namespace, mailbox, *answers, **more):
    shop = open_shop(impatient(make_rules(TELLING), 3))
    async with serving(Service(answers)) as service:
        with settings(**{**settings_of(service.url), **more}):
            async with engine(shop, namespace, mailbox) as running:
                shop.place()
                await running.finished()
                return shop, service, words(await running.history())


async def test_a_webhook_bears_ids_what_the_rules_say_and_the_steps_key(open_shop, namespace, mailbox):
    shop, service, _ = await played(open_shop, namespace, mailbox, Says(500), Says(204))
    first, second = service.told
    journey = shop.journey()
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert "regulars-signature" in first.headers
    told = first.json
    assert told.pop("at").endswith("Z")
    assert told == {
        "playbook": "payment-reminder",
        "step": "tell",
        "journey": journey["id"],
        "customer": journey["customer_id"],
        "order": "N-1001",
        "body": {"what": "unpaid", "spent": 4990},
    }


@pytest.mark.parametrize(
    ("answers", "more", "reason"),
    [
        ([Says(422)], {}, "webhook_refused"),
        ([Says(500)], {}, "try_later"),
        ([], {"REGULARS_WEBHOOK_SECRET": ""}, "webhook_secret_missing"),
        ([], {"REGULARS_WEBHOOK_CRM_URL": ""}, "url_missing"),
        ([], {"REGULARS_ALLOWED_ADDRESSES": ""}, "address_blocked"),
    ],
)
async def test_a_webhook_that_fails_goes_on_with_its_failure(open_shop, namespace, mailbox, answers, more, reason):
    shop, _, text = await played(open_shop, namespace, mailbox, *answers, **more)
    assert rows(shop)[0][:4] == ("tell", "webhook", "failed", reason)
    assert "by-hand" in [task[0] for task in shop.tasks()]
    assert "whsec-of-the-shop" not in text
