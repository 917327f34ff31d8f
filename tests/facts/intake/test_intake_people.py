from datetime import date, timedelta

import pytest
from telling import NOON, placed

from engine.facts.events import Event


def about(kind, key="k", at=NOON, customer="c1", **data):
    return Event(kind, key, at, "main", customer, data=data)


def test_a_sign_up_makes_a_customer_known_since_its_instant(connection, tell):
    profile = {"given_name": "Ada", "email": " ADA@Example.com ", "birthday": "1980-12-31", "zone": "Europe/London"}
    recorded = tell(about("customer.updated", **profile, source="ad"))
    assert connection.execute(
        "select id, key, given_name, email, birthday, zone, known_since, fact_version from customers"
    ).fetchall() == [
        (recorded.customer_id, "c1", "Ada", "ada@example.com", date(1980, 12, 31), "Europe/London", NOON, 1)
    ]
    assert recorded.fields == {"zone": "Europe/London", "source": "ad"}


def test_a_profile_change_sets_what_it_names_and_null_makes_unknown(connection, tell):
    tell(about("customer.updated", "1", given_name="Ada", city="Bonn", phone="+49 30 1"))
    tell(about("customer.updated", "2", given_name="Eve", city=None))
    assert connection.execute("select given_name, city, known_since from customers").fetchone() == ("Eve", None, NOON)


def test_consent_is_kept_as_a_history(connection, tell):
    tell(placed())
    tell(about("consent.changed", "1", purpose="marketing", channel="email", granted=True))
    tell(about("consent.changed", "2", NOON + timedelta(days=1), purpose="marketing", channel="email", granted=False))
    assert connection.execute("select purpose, channel, granted, at from consents order by at").fetchall() == [
        ("marketing", "email", True, NOON),
        ("marketing", "email", False, NOON + timedelta(days=1)),
    ]


def test_a_suppression_holds_until_it_is_lifted(connection, tell):
    tell(placed())
    tell(about("suppression.added", "1", channel="email", reason="bounced"))
    tell(about("suppression.added", "2", reason="manual", until="2025-04-01T00:00:00+02:00"))
    tell(about("suppression.lifted", "3", NOON + timedelta(days=2), channel="email"))
    assert connection.execute("select channel, reason, since, until from suppressions order by id").fetchall() == [
        ("email", "bounced", NOON, NOON + timedelta(days=2)),
        ("*", "manual", NOON, NOON + timedelta(days=30, hours=10)),
    ]


def test_a_suppression_that_has_ended_is_not_ended_again(connection, tell):
    tell(placed())
    tell(about("suppression.added", "1", channel="email", reason="manual", until="2025-03-02T12:00:00Z"))
    tell(about("suppression.lifted", "2", NOON + timedelta(days=5), channel="email", reason="manual"))
    assert connection.execute("select until from suppressions").fetchall() == [(NOON + timedelta(days=1),)]


@pytest.fixture
def message(connection, tell):
    """A message that has been sent to the customer c1 by email."""
    customer = tell(placed()).customer_id
    connection.execute("insert into rule_versions (version, files) values ('v1', '{}')")
    connection.execute(
        """
        with j as (
            insert into journeys
                (workflow_id, playbook, version, subject, subject_id, occasion, customer_id, started_at)
            values ('w', 'p', 'v1', 'customer', %(c)s, 1, %(c)s, %(at)s) returning id)
        insert into messages (key, journey_id, customer_id, playbook, step, channel, purpose, state, due_at, at)
        select 'w/first/1/email', id, %(c)s, 'p', 'first', 'email', 'marketing', 'sent', %(at)s, %(at)s from j
        """,
        {"c": customer, "at": NOON},
    )
    return "w/first/1/email"


@pytest.mark.parametrize("kind", ["delivered", "opened", "clicked", "replied"])
def test_responses_to_a_message_are_facts_of_its_customer(connection, tell, message, kind):
    recorded = tell(about(f"message.{kind}", customer=None, message=message))
    assert recorded.customer_id == connection.execute("select customer_id from messages").fetchone()[0]
    assert connection.execute("select kind, key, at from message_events").fetchall() == [(kind, "k", NOON)]
    assert connection.execute("select from suppressions").fetchall() == []


@pytest.mark.parametrize(("kind", "data"), [("bounced", {"permanent": True}), ("complained", {})])
def test_a_dead_address_or_a_complaint_suppresses_the_channel(connection, tell, message, kind, data):
    tell(about(f"message.{kind}", customer=None, message=message, **data))
    assert connection.execute("select channel, reason, since from suppressions").fetchall() == [("email", kind, NOON)]


def test_a_passing_bounce_suppresses_nothing(connection, tell, message):
    tell(about("message.bounced", customer=None, message=message, permanent=False))
    assert connection.execute("select from suppressions").fetchall() == []


def test_unsubscribing_withdraws_the_consent_to_the_messages_purpose(connection, tell, message):
    tell(about("message.unsubscribed", customer=None, message=message))
    assert connection.execute("select purpose, channel, granted from consents").fetchall() == [
        ("marketing", "email", False)
    ]


def test_site_events_are_facts_with_their_product(connection, tell):
    tell(placed())
    tell(about("site.product_viewed", "v1", product="p1", seconds=30))
    tell(about("site.search", "v2", query="red shoes", results=3))
    assert connection.execute(
        "select s.kind, p.key, data from site_events s left join products p on p.id = product_id order by s.id"
    ).fetchall() == [
        ("product_viewed", "p1", {"product": "p1", "seconds": 30}),
        ("search", None, {"query": "red shoes", "results": 3}),
    ]
