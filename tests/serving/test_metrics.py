"""Metrics are true of the database, and their labels name nobody."""

import re

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from activities.providers.provider import Accepted, Final, InDoubt, Retryable
from activities.timings import Timings
from engine.serving.facts_metrics import FactsMetrics
from tests.docs.pages import ROOT
from tests.workflows.shop import ZENOBIA, Shop

MESSAGE = """
insert into messages (key, journey_id, customer_id, playbook, step, channel, purpose, state, reason, until, due_at, at)
select %s, id, customer_id, playbook, %s, 'email', 'service', %s, %s, %s, now(), now() from journeys limit 1
"""


def scraped(registry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples
    }


@pytest.fixture
def busy(shop: Shop) -> Shop:
    shop.place()
    shop.place("N-2", "c2")
    shop.pay("N-2")
    for key, state, reason, until in (
        ("a", "sent", None, None),
        ("b", "skipped", "no_consent", None),
        ("c", "deferred", "quiet_hours", "2030-01-01"),
        ("d", "in_doubt", "worker_died", None),
    ):
        shop.execute(MESSAGE, key, key, state, reason, until)
    shop.execute("update outbox set attempts = 2, error = 'away' where kind = 'start'")
    shop.execute("update customers set given_name = 'Zenobia'")
    shop.tell(shop.event("order.paid", "N-404"))
    return shop


def test_every_figure_is_what_the_rows_say(busy: Shop, registry) -> None:
    registry.register(FactsMetrics(busy.pool))
    told = scraped(registry)
    by = (("playbook", "payment-reminder"),)
    assert told["regulars_database_up", ()] == 1
    assert told["regulars_journeys_started_total", by] == 2
    assert told["regulars_journeys_ended_total", (("outcome", "stopped"), *by)] == 1
    assert told["regulars_journeys_running", by] == 1
    assert told["regulars_messages_total", (("channel", "email"), ("outcome", "sent"), *by)] == 1
    assert told["regulars_messages_skipped_total", (*by, ("reason", "no_consent"))] == 1
    assert told["regulars_messages_waiting", (*by, ("state", "deferred"))] == 1
    assert told["regulars_messages_in_doubt", ()] == 1
    assert told["regulars_outbox_depth", ()] == 3
    assert told["regulars_outbox_failing", ()] == 2
    assert told["regulars_outbox_lag_seconds", ()] > 0
    assert told["regulars_events_waiting", (("code", "unknown_order"),)] == 1


def test_no_label_holds_anything_of_a_customer(busy: Shop, registry) -> None:
    busy.execute("update journeys set state = 'cancelled', outcome = 'Zenobia asked us, zenobia.q@example.net'")
    registry.register(FactsMetrics(busy.pool))
    text = generate_latest(registry).decode()
    assert [word for word in (*ZENOBIA.values(), "N-1001", "c1") if len(word) > 3 and word in text] == []


def test_a_database_that_is_away_is_a_figure_and_no_failure(shop: Shop, registry) -> None:
    registry.register(FactsMetrics(shop.pool))
    shop.pool.close()
    assert scraped(registry) == {("regulars_database_up", ()): 0}


def test_scrapes_within_seconds_share_one_reading(shop: Shop, registry) -> None:
    registry.register(FactsMetrics(shop.pool))
    before = scraped(registry)
    shop.place()
    assert scraped(registry) == before


async def test_how_long_providers_take_is_told_by_what_came_of_it() -> None:
    timings = Timings()

    async def answer(with_: object) -> object:
        if isinstance(with_, BaseException):
            raise with_
        return with_

    assert await timings.asking("smtp", answer(Accepted("id"))) == Accepted("id")
    for refusal in (Retryable("r"), Final("f"), InDoubt("d"), OSError("text")):
        with pytest.raises(type(refusal)):
            await timings.asking("smtp", answer(refusal))
    told = scraped(timings.registry)
    counts = {
        dict(labels)["outcome"]: value for (name, labels), value in told.items() if name.endswith("_count") and labels
    }
    assert counts == dict.fromkeys(("accepted", "try_later", "refused", "in_doubt", "broken_off"), 1)


def test_operations_has_every_metric_and_no_other(busy: Shop, registry) -> None:
    sources = [*(ROOT / "engine/serving").glob("*.py"), ROOT / "activities/timings.py"]
    made = set(re.findall(r'"(regulars_[a-z_]+)"', "".join(path.read_text() for path in sources)))
    page = (ROOT / "docs/operations.md").read_text()
    told = {name.removesuffix("_total") for name in re.findall(r"^\| `(regulars_[a-z_]+)", page, re.MULTILINE)}
    assert told == made
