"""Fields of orders that come from their own payments and lines, taken from the facts once these are merged."""

from collections.abc import Sequence

from psycopg import sql

from engine.facts.importing.mapping import Rollup, TablePlan
from engine.facts.importing.resolving import Forecast
from engine.facts.importing.scope import Scope
from engine.facts.importing.staging import staged_name
from engine.facts.importing.targets import targets

_ROLL_UP = """
with concerned as (
    select id from (select id from told_orders union select id from changed_orders) known
     where not %(all_new_are_right)s or not exists (select from new_orders n where n.id = known.id)
),
changed as (
    update orders o set {pairs}, recorded_at = now() from concerned c {joins}
     where o.id = c.id and row({old}) is distinct from row({now}) returning o.id
), noted as (insert into changed_orders select id from changed on conflict do nothing)
select count(*) from changed
"""
# An amount in another currency is no part of the order's.
_JOIN = """
left join (
    select s.order_id, {values} from {source} s join orders p on p.id = s.order_id and p.currency = s.currency
     where s.order_id in (select id from concerned) group by s.order_id
) {source} on {source}.order_id = c.id
"""


def forecast(scope: Scope, table: TablePlan, tables: Sequence[TablePlan]) -> Forecast | None:
    """The rolled-up fields as the staged payments and lines give them, for new orders, so that few are written twice.

    What the merge of those relations refuses is in here still: `roll_up` has the last word.
    """
    joins: list[sql.Composable] = []
    columns: dict[str, sql.Composable] = {}
    for source in tables:
        rollups = [rollup for rollup in table.rollups if rollup.model.of == source.target.name]
        if not rollups or not _can_be_forecast(table, source, rollups, scope.currency):
            continue
        name = source.target.name
        values = ", ".join(f"{_aggregate(rollup)} as {rollup.field.column}" for rollup in rollups)
        joins.append(
            sql.SQL(
                "left join (select s.ref_order, {} from {} s group by s.ref_order) {} on {}.ref_order = s.number"
            ).format(sql.SQL(values), staged_name(scope.digest, name), sql.Identifier(name), sql.Identifier(name))
        )
        columns |= {rollup.field.column: sql.Identifier(name, rollup.field.column) for rollup in rollups}
    return Forecast(tuple(joins), columns) if columns else None


def _can_be_forecast(orders: TablePlan, source: TablePlan, rollups: Sequence[Rollup], default: str) -> bool:
    """Whether all that is needed is staged, in one currency for all rows."""
    fields = source.target.fields
    names = {name for rollup in rollups for name in (rollup.model.sum, rollup.model.take, rollup.model.largest) if name}
    tie = next(name for name, field in fields.items() if field.column == source.target.key[-1])
    staged = {cell.field.name for cell in source.staged}
    currency = _currency(orders, default)
    one_currency = currency is not None and currency == _currency(source, default)
    return one_currency and names | {tie, "order"} <= staged and orders.cell("number") in orders.staged


def _currency(table: TablePlan, default: str) -> str | None:
    """The currency of all rows of a relation; None if it differs from row to row."""
    cell = table.cell("currency")
    return default if cell is None else cell.constant


def remember_orders(scope: Scope) -> None:
    """Notes which orders the import told of, while `resolved` holds them: their fields may follow from other rows."""
    scope.connection.execute(
        "insert into told_orders"
        " select o.id from resolved r join orders o on o.shop_id = r.shop_id and o.number = r.number"
    )


def roll_up(scope: Scope, table: TablePlan, *, all_new_are_right: bool) -> int:
    """Sets the rolled-up fields of the orders told of or changed; returns how many orders changed by it.

    Args:
        scope: the import.
        table: the mapping of orders.
        all_new_are_right: new orders were forecast, and nothing of the forecast was refused since.
    """
    # Nothing analyses temporary tables by itself, and a plan for a few orders takes minutes for many.
    scope.connection.execute("analyze told_orders; analyze changed_orders")
    sources = sorted({rollup.model.of for rollup in table.rollups})
    joins = [_join(source, [rollup for rollup in table.rollups if rollup.model.of == source]) for source in sources]
    names = [rollup.field.column for rollup in table.rollups]
    now = [f"coalesce({rollup.model.of}.{rollup.field.column}, o.{rollup.field.column})" for rollup in table.rollups]
    pairs = ", ".join(f"{name} = {value}" for name, value in zip(names, now, strict=True))
    old = ", ".join(f"o.{name}" for name in names)
    statement = _ROLL_UP.format(pairs=pairs, joins=" ".join(joins), old=old, now=", ".join(now))
    row = scope.connection.execute(sql.SQL(statement), {"all_new_are_right": all_new_are_right}).fetchone()
    return int(row[0]) if row else 0


def _join(source: str, rollups: Sequence[Rollup]) -> str:
    values = ", ".join(f"{_aggregate(rollup)} as {rollup.field.column}" for rollup in rollups)
    return _JOIN.format(values=values, source=source)


def _aggregate(rollup: Rollup) -> str:
    fields = targets()[rollup.model.of].fields
    if rollup.model.sum is not None:
        return f"sum(s.{fields[rollup.model.sum].column})"
    assert rollup.model.take is not None
    assert rollup.model.largest is not None
    take, largest = fields[rollup.model.take].column, fields[rollup.model.largest].column
    tie = targets()[rollup.model.of].key[-1]
    return f"(array_agg(s.{take} order by s.{largest} desc nulls last, s.{tie}))[1]"
