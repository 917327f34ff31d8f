"""A shop in a database of its own, filled by the thousand, and the project directory that its workers run in."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool
from sqlalchemy import make_url

from engine.composition import event_matcher
from engine.dispatch.accept import accept
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions, publish
from engine.facts.events import Event, Recorded
from engine.facts.migrate import upgrade
from engine.facts.pool import open_pool
from engine.language.rules import Rules, compile_rules

_POLICY = """
policy:
  zone: UTC
  locale: en
  purposes: {transactional: {consent: none}, service: {consent: opt_out}, marketing: {consent: opt_in}}
  channels:
    email: {provider: mailbox, sender: "Shop <shop@example.com>", in_doubt: hold}
    letter: {provider: mailbox, sender: "Shop <shop@example.com>", limit: {count: LIMITED, per: 1s, burst: 1}}
"""
_HEAD = """
playbook: NAME
title: Bench of journeys
for: order
start: {event: order.placed, where: {payment_method: NAME}}
stop: {any: [{event: order.paid}, {event: order.cancelled}]}
controls: {purpose: service}
"""
LIMITED = 5
"""Messages a second that the limited channel lets through."""
PLAYBOOKS: Mapping[str, str] = {
    "two-sends": """
steps:
  - wait: 2s
  - send: {id: first, channel: email, template: reminder}
  - wait: 2s
  - send: {id: second, channel: email, template: reminder}
""",
    "patient": """
steps:
  - wait: 7d
  - send: {id: first, channel: email, template: reminder}
""",
    "listening": """
steps:
  - wait_for: {id: answer, event: order.shipped, within: 7d}
    got: [end]
    else: [{send: {id: first, channel: email, template: reminder}}]
""",
    "at-once": """
steps:
  - send: {id: first, channel: email, template: reminder}
""",
    "limited": """
steps:
  - send: {id: first, channel: letter, template: reminder}
""",
}
_APART = 10_000_000
_TEMPLATE = (
    "Subject: Your order {{ order.number }}\n\n"
    "Dear {{ customer.given_name }},\n\nwe are waiting for your payment of order {{ order.number }}.\n"
)
# Customers, their orders and, where asked for, the rows that start the journeys, in one statement.
_PLACE = """
with customer as (
  insert into customers (key, given_name, family_name, email, country, locale, zone, known_since)
  select format('%%s-%%s', %(prefix)s::text, number), 'Zenobia', 'Quast',
         format('%%s-%%s@example.net', %(prefix)s::text, number), 'DE', 'en', 'UTC', clock_timestamp()
    from generate_series(1, %(count)s) number returning id, key
), placed as (
  insert into orders (shop_id, number, customer_id, payment_method, placed_at, total_minor, currency)
  select (select id from shops), key, id, %(playbook)s, clock_timestamp(), 4990, 'EUR' from customer
  returning id, customer_id
), journey as (
  insert into journeys (workflow_id, playbook, version, subject, subject_id, occasion, customer_id, order_id,
                        started_at)
  select format('%%s/order-%%s/1', %(playbook)s::text, id), %(playbook)s, %(version)s, 'order', id, 1, customer_id, id,
         clock_timestamp() from placed returning id, workflow_id, order_id, customer_id, started_at
), started as (
  insert into outbox (journey_id, kind, at, payload)
  select id, 'start', started_at, '{}' from journey where %(start)s returning id
)
select id, workflow_id, order_id, customer_id, started_at from journey where (select count(*) from started) >= 0
"""


@dataclass(frozen=True)
class Placed:
    """A journey as it stands in the database."""

    id: int
    workflow_id: str
    order_id: int
    customer_id: int
    started_at: datetime


@dataclass
class Shop:
    """The shop `main`, its rules, and its project directory."""

    url: str
    directory: Path
    rules: Rules
    pool: ConnectionPool
    versions: StoredVersions = field(default_factory=StoredVersions)

    def __post_init__(self) -> None:
        """The rules in force are these."""
        self.versions.compiled[self.rules.version] = self.rules
        with self.pool.connection() as connection:
            connection.execute("insert into shops (key, name, zone, currency) values ('main', 'Main', 'UTC', 'EUR')")
            publish(connection, self.rules)
        self.matcher = Matcher(self.rules, self.versions, event_matcher(self.pool, self.rules))

    def place(self, playbook: str, count: int, *, start: bool = True) -> list[Placed]:
        """So many orders, each of a customer of its own, with their journeys; `start` puts them into the outbox."""
        values = {
            "prefix": uuid.uuid4().hex[:8],
            "playbook": playbook,
            "count": count,
            "version": self.rules.version,
            "start": start,
        }
        with self.pool.connection() as connection, connection.cursor(row_factory=class_row(Placed)) as cursor:
            return cursor.execute(_PLACE, values).fetchall()

    def tell(self, kind: str, journey: Placed) -> None:
        """Something happened to a journey's order, told as any event is."""
        now = datetime.now(UTC)
        with self.pool.connection() as connection:
            row = connection.execute("select number from orders where id = %s", (journey.order_id,)).fetchone()
            assert row is not None
            event = Event(kind, f"{kind}/{row[0]}", now, "main", None, row[0], {})
            outcome = accept(connection, self.matcher, event, now)
        assert isinstance(outcome, Recorded), outcome

    def number(self, query: str, *values: Any) -> int:
        """The one number that a query gives."""
        with self.pool.connection() as connection:
            row = connection.execute(query, values).fetchone()
        return int(row[0]) if row else 0

    def open_rows(self) -> int:
        """Rows of the outbox that Temporal has not been told of."""
        return self.number("select count(*) from outbox where done_at is null")


def bench_rules() -> Rules:
    """The rules of the bench's playbooks."""
    files = {f"playbooks/{name}.yaml": _HEAD.replace("NAME", name) + steps for name, steps in PLAYBOOKS.items()}
    rules = compile_rules(
        {"policy.yaml": _POLICY.replace("LIMITED", str(LIMITED)), "templates/reminder.en.txt": _TEMPLATE, **files}
    )
    assert rules.sound, [str(issue) for issue in rules.issues]
    return rules


@contextmanager
def open_shop(server: str, directory: Path, rules: Rules, number: int) -> Iterator[Shop]:
    """A shop in a fresh database of this server, dropped in the end. `number` keeps the journeys' ids apart."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            url = make_url(server).set(database=name).render_as_string(hide_password=False)
            upgrade(url)
            _write(directory, rules)
            with open_pool(url) as pool:
                with pool.connection() as connection:
                    first = sql.SQL("alter table orders alter id restart with {}")
                    connection.execute(first.format(sql.Literal(number * _APART + 1)))
                yield Shop(url, directory, rules, pool)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _write(directory: Path, rules: Rules) -> None:
    directory.mkdir(parents=True)
    (directory / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    for path, text in rules.files.items():
        file = directory / "rules" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
