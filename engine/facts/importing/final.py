"""The last stage: everything that was read becomes facts in one transaction, so that nobody sees half an import."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.facts.importing.mapping import Plan, TablePlan
from engine.facts.importing.merging import merge, prepare
from engine.facts.importing.reading_stage import Progress
from engine.facts.importing.resolving import Forecast, Resolved, forget, resolve
from engine.facts.importing.results import TableResult
from engine.facts.importing.rollups import forecast, remember_orders, roll_up
from engine.facts.importing.scope import Scope
from engine.facts.importing.staging import Connection
from engine.money import Money

AfterMerge = Callable[[Connection], None]
"""Called in the transaction of the merge, while the temporary table `changed_orders(id bigint)` is there."""

_SHOP = """
insert into shops as s (key, name, zone, currency, country)
values (%(key)s, %(name)s, %(zone)s, %(currency)s, %(country)s)
on conflict (key) do update set name = excluded.name, zone = excluded.zone, currency = excluded.currency,
    country = coalesce(excluded.country, s.country)
 where (s.name, s.zone, s.currency, s.country) is distinct from
       (excluded.name, excluded.zone, excluded.currency, coalesce(excluded.country, s.country))
"""
# Intake finds customers by the shop's accounts: where a mapping tells none, a customer's key is their account.
_ACCOUNTS = """
insert into customer_identities (customer_id, shop_id, key)
select t.id, %(shop)s, t.key from resolved n join customers t on t.key = n.key order by n.source_line
on conflict (shop_id, platform, key) do nothing
"""
# In the order of ids, as everybody takes locks on customers.
_BUMP = """
with concerned as (
    select c.id from customers c
     where c.id in (select id from changed_customers
                    union select o.customer_id from orders o join changed_orders using (id)
                    union select o.customer_id from order_lines l join orders o on o.id = l.order_id
                     where l.product_id in (select id from changed_products))
       and c.id not in (select id from new_customers)
     order by c.id for update of c
)
update customers c set fact_version = fact_version + 1 from concerned where c.id = concerned.id
"""
# No event tells of these facts, so the schedule judges these customers anew, as a baseline that starts nothing.
_STALE = """
update standings set fact_version = -1, next_flip = least(next_flip, now())
 where customer_id in (select id from changed_customers
                       union select o.customer_id from orders o join changed_orders using (id))
"""
# What a period or a shop's zone changes concerns anybody: nobody's flips of before hold, so that everybody's next
# judgement is a whole one. Locked, so that no event that has read what held before writes its flips after this.
_FORGET_FLIPS = """
with everybody as (select id from customers order by id for update)
update standings set flips = null from everybody where customer_id = everybody.id and flips is not null
"""
_OF_ALL = "campaign_periods"


def merge_all(
    connection: Connection, digest: str, plan: Plan, tables: tuple[TablePlan, ...], progress: Progress
) -> tuple[Scope, list[TableResult]]:
    """Merges all staged relations and what follows from them; the caller commits.

    Args:
        connection: in a transaction.
        digest: of the import.
        plan: the mapping.
        tables: the relations that were staged, in the order of merging.
        progress: told of each relation.
    """
    other_shop = connection.execute(_SHOP, plan.shop.model_dump()).rowcount > 0
    row = connection.execute("select id from shops where key = %s", [plan.shop.key]).fetchone()
    assert row is not None
    scope = Scope(connection, digest, row[0], plan.shop.currency)
    prepare(scope)
    results = []
    forecasts: dict[str, Forecast | None] = {}
    for index, table in enumerate(tables):
        progress(f"merge {table.target.name}", index, len(tables))
        forecasts[table.target.name] = forecast(scope, table, tables)
        results.append(_merge_one(scope, plan, table, forecasts[table.target.name]))
    for table in plan.tables:
        # Also where orders themselves are no part of this import: new payments change known orders.
        if table.rollups:
            progress("roll up orders", len(tables), len(tables))
            roll_up(scope, table, all_new_are_right=_came_true(table, forecasts.get(table.target.name), results))
    if other_shop or any(each.relation == _OF_ALL and each.new + each.changed for each in results):
        connection.execute(_FORGET_FLIPS)
    progress("merge", len(tables), len(tables))
    return scope, [_with_amount(scope, result) for result in results]


def _came_true(table: TablePlan, forecasts: Forecast | None, results: Sequence[TableResult]) -> bool:
    """Whether every rolled-up field was forecast and no row that the forecast counted was left out since."""
    sources = {rollup.model.of for rollup in table.rollups}
    whole = all(not result.refused and not result.repeated for result in results if result.relation in sources)
    return whole and forecasts is not None and len(forecasts.columns) == len(table.rollups)


def bump_customers(connection: Connection) -> None:
    """Raises the fact version of the customers whom the merge concerned, but for new ones; all are judged anew."""
    connection.execute(_BUMP)
    connection.execute(_STALE)


def _merge_one(scope: Scope, plan: Plan, table: TablePlan, forecasts: Forecast | None) -> TableResult:
    resolved = resolve(scope, table, forecasts)
    merged = merge(scope, table, resolved)
    if table.target.name == "customers" and all(each.target.name != "customer_identities" for each in plan.tables):
        scope.connection.execute(_ACCOUNTS, {"shop": scope.shop_id})
    if table.target.name == "orders":
        remember_orders(scope)
    forget(scope)
    return _result(table, resolved, merged.new, merged.changed)


def _result(table: TablePlan, resolved: Resolved, new: int, changed: int) -> TableResult:
    return TableResult(
        relation=table.target.name,
        file=table.file,
        rows=resolved.rows,
        new=new,
        changed=changed,
        repeated=resolved.repeated,
        refused=resolved.refused,
    )


def _with_amount(scope: Scope, result: TableResult) -> TableResult:
    if result.relation != "payments":
        return result
    row = scope.connection.execute(
        "select coalesce(sum(p.amount_minor), 0) from payments p join orders o on o.id = p.order_id"
        " where o.shop_id = %s and p.currency = %s",
        [scope.shop_id, scope.currency],
    ).fetchone()
    return replace(result, amount=Money(int(row[0]) if row else 0, scope.currency).amount)
