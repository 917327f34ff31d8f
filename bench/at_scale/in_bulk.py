"""The mirror's refresh against its build, and a plan against an evaluation, of a shop in PostgreSQL."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg

from bench.at_scale.events import bench_of
from bench.at_scale.shop import NOW, rows_of_facts
from bench.figures import Figure
from engine.evaluation.run import Asked, evaluate
from engine.language.rules import Rules, compile_rules
from engine.mirror.open import Mirror, opened_mirror
from engine.planning.make import Asked as AskedPlan
from engine.planning.make import make_plan
from engine.planning.report import Version

SHARE = 0.001
"""Of the facts, new since the mirror was built."""
DAYS = 1_080
REFRESH_AT_MOST, PLAN_AT_MOST = 0.1, 0.35
EDIT = "rule-7"
_ORDERS = """
insert into orders (shop_id, number, customer_id, channel, payment_method, placed_at, paid_at, total_minor, currency)
select 1, %(name)s || n, 1 + abs(hashint8extended(n, %(seed)s)) %% %(customers)s, 'ad', 'card',
       %(now)s - make_interval(secs => abs(hashint8extended(n, 5)) %% (%(days)s * 86400)),
       %(now)s - make_interval(secs => abs(hashint8extended(n, 5)) %% (%(days)s * 86400)), 9900, 'EUR'
  from generate_series(1, %(orders)s) n
returning id
"""
_LINES = """
insert into order_lines (order_id, line, product_id, quantity, unit_price_minor, currency)
select id, line, 1 + id %% 500, 1, 4950, 'EUR' from unnest(%(ids)s::bigint[]) id, generate_series(1, 2) line
"""
_PAYMENTS = """
insert into payments (order_id, sequence, method, amount_minor, currency)
select id, 1, 'card', 9900, 'EUR' from unnest(%(ids)s::bigint[]) id
"""
_TOUCHED = """
update customers set fact_version = fact_version + 1
 where id in (select customer_id from orders where id = any(%(ids)s))
"""
_OF_AN_ORDER = 4
"""Rows: the order, two lines, a payment."""


def figures(server: str, customers: int, directory: Path) -> list[Figure]:
    """The figures of a shop of so many customers."""
    with bench_of(server, customers) as bench:
        bulk = Bulk(bench.url, bench.rules, customers, directory / "mirror")
        return [*bulk.refreshes(), *bulk.plans()]


class Bulk:
    """A shop whose customers have a standing, and the place of its mirror."""

    def __init__(self, url: str, rules: Rules, customers: int, mirror: Path) -> None:
        self._url, self._rules, self._customers, self._mirror = url, rules, customers, mirror

    def refreshes(self) -> Iterator[Figure]:
        """The mirror built, and refreshed twice."""
        build = _seconds(self._opened)
        facts = rows_of_facts(self._url)
        yield Figure("rows of facts", facts)
        yield Figure("mirror's build, seconds", round(build, 1))
        orders = max(1, round(facts * SHARE / _OF_AN_ORDER))
        for what, days in (("of the latest days", 2), ("spread over all months", DAYS)):
            new = self._tell(what, orders, days)
            refresh = _seconds(self._opened)
            yield Figure(f"{new:,} new rows {what}, seconds of the refresh", round(refresh, 2))
            yield Figure(f"refresh, {what}, times the build", round(refresh / build, 3), at_most=REFRESH_AT_MOST)

    def plans(self) -> Iterator[Figure]:
        """Everybody evaluated, without being written, and a plan of one segment; the mirror is up to date for both."""
        asked = Asked(self._url, self._rules, NOW, NOW, write=False, mirror=self._mirror)
        evaluation = _seconds(lambda: evaluate(asked))
        found: list[int] = []
        plan = _seconds(lambda: found.append(self._plan()))
        yield Figure("everybody evaluated, seconds", round(evaluation, 1))
        yield Figure("plan of one edited segment, seconds", round(plan, 1))
        yield Figure("customers that it moves", found[0], at_least=1)
        yield Figure("plan, times the evaluation", round(plan / evaluation, 3), at_most=PLAN_AT_MOST)

    def _plan(self) -> int:
        new = _edited(self._rules)
        asked = AskedPlan(self._url, self._rules, new, _version(self._rules), _version(new), NOW)
        with self._open() as mirror:
            return make_plan(asked, mirror).plan.changing

    def _open(self) -> AbstractContextManager[Mirror]:
        return opened_mirror(self._url, "public", self._mirror)

    def _opened(self) -> None:
        with self._open():
            pass

    def _tell(self, name: str, orders: int, days: int) -> int:
        """New orders of the latest days, with what belongs to them; gives how many rows."""
        with psycopg.connect(self._url) as connection:
            given = {
                "name": name,
                "seed": days,
                "customers": self._customers,
                "now": NOW,
                "days": days,
                "orders": orders,
            }
            ids = [number for (number,) in connection.execute(_ORDERS, given)]
            for statement in (_LINES, _PAYMENTS, _TOUCHED):
                connection.execute(statement, {"ids": ids})
        return _OF_AN_ORDER * orders


def _edited(rules: Rules) -> Rules:
    """The rules with one segment's threshold written otherwise."""
    text = rules.files["segments.yaml"]
    begin = text.index(f"  {EDIT}:")
    end = text.index("\n", text.index("when:", begin))
    line = text[begin:end]
    other = line.replace("{gte: ", "{gte: 1", 1)
    return compile_rules({**rules.files, "segments.yaml": text.replace(line, other)})


def _version(rules: Rules) -> Version:
    return Version(rules.version, "of the bench")


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
