"""Fields of orders that come from their own payments and lines, taken from the facts once these are merged."""

from collections.abc import Sequence

from psycopg import sql

from engine.facts.importing.mapping import Rollup, TablePlan
from engine.facts.importing.resolving import Scope
from engine.facts.importing.targets import targets


def remember_orders(scope: Scope) -> None:
    """Notes which orders the import told of, while `resolved` holds them: their fields may follow from other rows."""
    scope.connection.execute(
        "create temporary table told_orders on commit drop as"
        " select o.id from resolved r join orders o on o.shop_id = r.shop_id and o.number = r.number"
    )


def roll_up(scope: Scope, table: TablePlan) -> int:
    """Sets the rolled-up fields of the orders told of or changed; returns how many orders changed by it."""
    if not table.rollups:
        return 0
    sources = sorted({rollup.model.of for rollup in table.rollups})
    joins = [_join(source, [rollup for rollup in table.rollups if rollup.model.of == source]) for source in sources]
    names = [rollup.field.column for rollup in table.rollups]
    now = [f"coalesce({rollup.model.of}.{rollup.field.column}, o.{rollup.field.column})" for rollup in table.rollups]
    pairs = ", ".join(f"{name} = {value}" for name, value in zip(names, now, strict=True))
    old = ", ".join(f"o.{name}" for name in names)
    # Joined to orders once more, as an UPDATE cannot refer to its own table in a left join.
    statement = (
        "with concerned as (select id from told_orders union select id from changed_orders),"
        f" changed as (update orders o set {pairs}, recorded_at = now() from concerned c {' '.join(joins)}"
        f" where o.id = c.id and row({old}) is distinct from row({', '.join(now)}) returning o.id),"
        " noted as (insert into changed_orders select id from changed on conflict do nothing)"
        " select count(*) from changed"
    )
    row = scope.connection.execute(sql.SQL(statement)).fetchone()  # type: ignore[arg-type]  # names of our own tables
    return int(row[0]) if row else 0


def _join(source: str, rollups: Sequence[Rollup]) -> str:
    values = ", ".join(f"{_aggregate(rollup)} as {rollup.field.column}" for rollup in rollups)
    # An amount in another currency is no part of the order's.
    return (
        f"left join (select s.order_id, {values} from {source} s join orders p on p.id = s.order_id"
        f" and p.currency = s.currency where s.order_id in (select id from concerned) group by s.order_id) {source}"
        f" on {source}.order_id = c.id"
    )


def _aggregate(rollup: Rollup) -> str:
    fields = targets()[rollup.model.of].fields
    if rollup.model.sum is not None:
        return f"sum(s.{fields[rollup.model.sum].column})"
    assert rollup.model.take is not None
    assert rollup.model.largest is not None
    take, largest = fields[rollup.model.take].column, fields[rollup.model.largest].column
    tie = targets()[rollup.model.of].key[-1]
    return f"(array_agg(s.{take} order by s.{largest} desc nulls last, s.{tie}))[1]"
