"""A shop of any size in PostgreSQL, made by a few statements: customers, skewed orders and lines, standings.

Everything follows from row numbers by hashes, so two shops of one size are the same.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from engine.evaluation.finish import FORGET_NEWCOMERS
from engine.facts.migrate import upgrade

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""Nothing in the shop is later."""
SHOP = "main"
_HEAVIEST = 400

_SHOP = """
insert into shops (key, name, zone, currency, country) values ('main', 'Main', 'Europe/Berlin', 'EUR', 'DE')
"""
_PRODUCTS = """
insert into products (shop_id, key, title, category, attributes, price_minor, currency, launched_at, repurchase_days)
select 1, 'p' || n, 'Product ' || n, (array['shoes', 'bags', 'shirts', 'books', 'toys', 'garden', 'music'])[1 + n %% 7],
       jsonb_build_object('style', (array['classic', 'casual', 'sporty'])[1 + n %% 3],
                          'size', (array['S', 'M', 'L'])[1 + n / 3 %% 3]),
       500 + n * 37 %% 9000, 'EUR', %(now)s - make_interval(days => n), 30 + n %% 200
  from generate_series(1, %(products)s) n
"""
_CUSTOMERS = """
insert into customers (key, known_since, given_name, email, locale, zone, country, birthday, source, fact_version)
select 'c' || n, %(now)s - make_interval(days => 1100), 'Zenobia', 'c' || n || '@example.net', 'en', 'Europe/Berlin',
       (array['DE', 'AT', 'FR', 'BR'])[1 + n %% 4], date '1960-01-01' + (n %% 15000)::int,
       (array['friend', 'ad', 'organic'])[1 + n %% 3], 1
  from generate_series(1, %(customers)s) n
"""
_IDENTITIES = """
insert into customer_identities (customer_id, shop_id, key) select id, 1, key from customers
"""
# A few customers have most of the orders: their number falls as a power of the rank.
_ORDERS = """
insert into orders (shop_id, number, customer_id, platform, channel, payment_method, placed_at, paid_at, shipped_at,
                    delivered_at, cancelled_at, total_minor, currency)
select 1, c.id || '-' || n, c.id, 'web', (array['ad', 'mail', 'deal site', 'search'])[1 + (h.a & 3)],
       (array['card', 'bank_slip', 'wallet'])[1 + (h.a & 255) %% 3], placed,
       case when (h.a & 31) > 1 then placed + interval '1 hour' end,
       case when (h.a & 31) > 2 then placed + interval '2 days' end,
       case when (h.a & 31) > 2 then placed + interval '5 days' end,
       case when (h.a & 31) = 2 then placed + interval '2 hours' end,
       1000 + (h.a >> 8 & 16383), 'EUR'
  from customers c
 cross join lateral (select (hashint8extended(c.id, 1) & 16777215 | 1) / 16777216.0::float8 as u) s
 cross join lateral generate_series(1, least(%(heaviest)s, ceil(%(orders)s * 0.3 * power(s.u, -0.7)))::int) n
 cross join lateral (select hashint8extended(c.id, n) as a) h
 cross join lateral (select %(now)s - interval '6 hours'
                            - make_interval(secs => (h.a >> 24 & 67108863) * 1.4) as placed) t
"""
_LINES = """
insert into order_lines (order_id, line, product_id, quantity, unit_price_minor, discount_minor, currency)
select o.id, n, 1 + (h.a & 1048575) %% %(products)s, 1 + (h.a >> 20 & 7) / 7, 500 + (h.a >> 24 & 8191),
       case when (h.a >> 40 & 7) = 0 then 100 end, 'EUR'
  from orders o
 cross join lateral (select hashint8extended(o.id, 7) as a) k
 cross join lateral generate_series(1, 1 + (k.a & 3)::int) n
 cross join lateral (select hashint8extended(o.id * 8 + n, 3) as a) h
"""
_PAYMENTS = """
insert into payments (order_id, sequence, method, amount_minor, currency)
select id, 1, payment_method, total_minor, currency from orders where paid_at is not null
"""
_VISITS = """
insert into site_events (customer_id, key, kind, product_id, at)
select c.id, 'v' || c.id || '-' || n, (array['visit', 'product_viewed', 'cart'])[n %% 3 + 1],
       1 + (c.id + n) %% %(products)s,
       %(now)s - make_interval(hours => (7 + (hashint8extended(c.id, n + 50) & 4095))::int)
  from customers c, generate_series(1, 1 + (c.id %% 3)::int) n
"""
# Everybody gets the standing of one of those who have been judged; what is measured is how it is read and written.
_STANDINGS = """
insert into standings (customer_id, {columns})
with judged as materialized (select row_number() over (order by customer_id) - 1 as place, {columns} from standings),
     everybody as (select id from customers where id not in (select customer_id from standings))
select e.id, {columns} from everybody e join judged on place = e.id % (select count(*) from judged)
"""
_INDEXES = """
select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index i
  join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = t.relnamespace
 where n.nspname = 'public' and not i.indisunique and t.relname = any(%s)
"""


@dataclass(frozen=True)
class Size:
    """How large a shop is. `orders`: of a customer on average, each of two and a half lines."""

    customers: int
    orders: float = 4.0
    products: int = 2_000


@contextmanager
def shop_of(server: str, size: Size) -> Iterator[str]:
    """A database of its own with a shop, dropped in the end; gives its address."""
    name = f"scale_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            url = make_url(server).set(database=name).render_as_string(hide_password=False)
            upgrade(url)
            fill(url, size)
            yield url
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def fill(url: str, size: Size) -> None:
    """Makes the shop in an empty database; indexes that are no constraint are made after the rows."""
    given = {**vars(size), "now": NOW, "heaviest": _HEAVIEST}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set maintenance_work_mem = '512MB'")
        # Keys between tables made by one hand need no proof, which would take longer than the rows.
        connection.execute("set session_replication_role = replica")
        indexes = connection.execute(_INDEXES, (["orders", "site_events", "customer_identities"],)).fetchall()
        for index, _ in indexes:
            connection.execute(sql.SQL("drop index {}").format(sql.SQL(index)))
        for statement in (_SHOP, _PRODUCTS, _CUSTOMERS, _IDENTITIES, _ORDERS, _LINES, _PAYMENTS, _VISITS):
            connection.execute(statement, given)
        for _, made in indexes:
            connection.execute(made)
        connection.execute("vacuum analyze")


def rows_of_facts(url: str) -> int:
    """How many rows of facts a shop has."""
    tables = ("customers", "orders", "order_lines", "payments", "site_events")
    counts = " + ".join(f"(select count(*) from {table})" for table in tables)
    with psycopg.connect(url) as connection:
        row = connection.execute(sql.SQL("select {}").format(sql.SQL(counts))).fetchone()
    assert row is not None  # counts are always one row
    return int(row[0])


def spread_standings(url: str) -> None:
    """Gives everybody who has no standing that of somebody who has."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        rows = connection.execute(
            "select column_name from information_schema.columns where table_name = 'standings'"
            " and table_schema = 'public' and column_name <> 'customer_id' order by ordinal_position"
        )
        columns = sql.SQL(", ").join(sql.Identifier(row[0]) for row in rows)
        connection.execute(sql.SQL(_STANDINGS).format(columns=columns))
        connection.execute(FORGET_NEWCOMERS)
        connection.execute("vacuum analyze standings, newcomers")
        connection.execute("checkpoint")
