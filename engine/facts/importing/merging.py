"""Resolved rows into facts: new rows are added, rows that differ are changed, all others are not touched.

An empty cell never takes away what is known, and what the mapping assumes never replaces what somebody told. Only a
value map can clear a field, as it says in so many words that there is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import sql

from engine.facts.importing.mapping import TablePlan
from engine.facts.importing.resolving import Resolved
from engine.facts.importing.scope import RESOLVED, Scope

# New rows are found by a join and inserted without ON CONFLICT, which would cost a quarter of the time: when somebody
# else inserts the same key meanwhile, the unique constraint stops us, and the merge is tried again.
_MERGE = """
with changed as ({change}),
added as (
    insert into {target} ({names}) select {inserted} from {source} n left join {target} t on {same_key}
     where t.id is null returning id, {owner} as owner_id
), {notes}
select (select count(*) from added), (select count(*) from changed)
"""
_CHANGE = """
update {target} t set {pairs}, recorded_at = now() from {source} n where {same_key} and {differs}
returning t.id, t.{owner} as owner_id
"""
_CHANGE_NOTHING = "select null::bigint as id, null::bigint as owner_id where false"
# A new customer has nothing that could be stale, so none is noted as changed.
_NOTES = {
    "customers": """
noted_new as (insert into new_customers select id from added),
noted as (insert into changed_customers select id from changed)
""",
    "products": "noted as (insert into changed_products select id from changed)",
    "orders": """
noted_new as (insert into new_orders select id from added),
noted as (insert into changed_orders select id from added union all select id from changed)
""",
}
_NOTE_OWNERS = """
noted as (
    insert into {noted} select distinct owner_id from (select * from added union all select * from changed) merged
     where owner_id is not null and not exists (select from {known} k where k.id = merged.owner_id)
    on conflict do nothing
)
"""
_NOTE_NOTHING = "noted as (select 1)"
_NOT_DATA = frozenset({"source_line", "shop_id"})


@dataclass(frozen=True, slots=True)
class Merged:
    """How many rows a merge added and changed."""

    new: int
    changed: int


def prepare(scope: Scope) -> None:
    """Makes the temporary tables in which merges note what they changed."""
    scope.connection.execute(
        "create temporary table changed_orders (id bigint primary key) on commit drop;"
        "create temporary table told_orders (id bigint primary key) on commit drop;"
        "create temporary table new_orders (id bigint primary key) on commit drop;"
        "create temporary table changed_products (id bigint primary key) on commit drop;"
        "create temporary table changed_customers (id bigint primary key) on commit drop;"
        "create temporary table new_customers (id bigint primary key) on commit drop"
    )


def merge(scope: Scope, table: TablePlan, resolved: Resolved) -> Merged:
    """Merges the temporary table `resolved` into its relation."""
    target = table.target
    columns = [*(name for name in resolved.columns if name in target.columns), *table.each]
    new_only = resolved.forecasts
    values = _values(table, columns)
    changes = {name: expression for name, expression in values.items() if name not in (*target.key, "shop_id")}
    common = {
        "target": sql.Identifier(target.name),
        "source": _source(table),
        "same_key": _same_key(table),
        "owner": sql.Identifier(target.owner or "id"),
    }
    statement = sql.SQL(_MERGE).format(
        change=_change(changes, common),
        names=_listed([*columns, *new_only, *_extra(table)]),
        inserted=sql.SQL(", ").join(
            [*(sql.Identifier("n", name) for name in (*columns, *new_only)), *_extra(table).values()]
        ),
        notes=sql.SQL(_notes(table)),
        **common,
    )
    row = scope.connection.execute(statement).fetchone()
    assert row is not None
    if any(row):
        scope.connection.execute(sql.SQL("analyze {}").format(sql.Identifier(target.name)))
    return Merged(row[0], row[1])


def _change(changes: dict[str, str], common: dict[str, sql.Composable]) -> sql.Composable:
    if not changes:
        return sql.SQL(_CHANGE_NOTHING)
    old = ", ".join(f"t.{name}" for name in changes)
    now = ", ".join(changes.values())
    return sql.SQL(_CHANGE).format(
        pairs=sql.SQL(", ".join(f"{name} = {value}" for name, value in changes.items())),
        differs=sql.SQL(f"row({old}) is distinct from row({now})"),
        **common,
    )


def _notes(table: TablePlan) -> str:
    if table.target.name in _NOTES:
        return _NOTES[table.target.name]
    match table.target.owner:
        case "order_id":
            return _NOTE_OWNERS.format(known="changed_orders", noted="changed_orders")
        case "customer_id":
            return _NOTE_OWNERS.format(known="new_customers", noted="changed_customers")
    return _NOTE_NOTHING


def _source(table: TablePlan) -> sql.Composable:
    """The resolved rows, each once for each of the values that `each` lists."""
    if not table.each:
        return RESOLVED
    values = [
        sql.SQL("{}.value as {}").format(sql.Identifier(f"each_{name}"), sql.Identifier(name)) for name in table.each
    ]
    lists = [
        sql.SQL("cross join unnest({}::text[]) as {}(value)").format(
            sql.Literal(list(listed)), sql.Identifier(f"each_{name}")
        )
        for name, listed in table.each.items()
    ]
    return sql.SQL("(select r.*, {} from {} r {})").format(
        sql.SQL(", ").join(values), RESOLVED, sql.SQL(" ").join(lists)
    )


def _listed(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join([sql.Identifier(name) for name in names])


def _extra(table: TablePlan) -> dict[str, sql.Composable]:
    """Columns of a new row that are not in its file."""
    extra: dict[str, sql.Composable] = {}
    if table.target.has_assumed:
        extra["assumed"] = sql.SQL("{}::text[]").format(sql.Literal(list(table.assumed)))
    if table.target.name == "customers":
        extra["fact_version"] = sql.SQL("1")
    return extra


def _same_key(table: TablePlan) -> sql.Composed:
    # Only `at` of a consent can be unknown in a key.
    operators = {name: "is not distinct from" if name == "at" else "=" for name in table.target.key}
    return sql.SQL(" and ").join(
        sql.SQL("t.{0} {1} n.{0}").format(sql.Identifier(name), sql.SQL(operator))
        for name, operator in operators.items()
    )


def _values(table: TablePlan, columns: list[str]) -> dict[str, str]:
    """What each column of a known row becomes: an expression over the old row `t` and the new one `n`."""
    by_column = {cell.field.column: cell for cell in table.cells}
    values = {}
    for name in columns:
        cell = by_column.get(name)
        if cell is not None and cell.model.assumed:
            values[name] = f"case when t.{name} is null or '{name}' = any(t.assumed) then n.{name} else t.{name} end"
        elif cell is not None and cell.model.map:
            values[name] = f"n.{name}"
        else:
            values[name] = f"coalesce(n.{name}, t.{name})"
    if table.target.has_assumed:
        values["assumed"] = _assumed(table, columns)
    return values


def _assumed(table: TablePlan, columns: list[str]) -> str:
    """The names of assumed columns of a known row: a told value ends an assumption."""
    told = [name for name in columns if name not in table.assumed and name not in _NOT_DATA]
    still = [f"case when t.{name} is null or '{name}' = any(t.assumed) then '{name}' end" for name in table.assumed]
    ended = ", ".join(f"case when n.{name} is not null then '{name}' end" for name in told)
    others = ", ".join(f"'{name}'" for name in table.assumed)
    settled = ", ".join(name for name in (others, ended) if name)
    known = f"array_remove(array[{settled}]::text[], null)"
    kept = f"select a from unnest(t.assumed) a where a <> all({known})"  # noqa: S608 - names of our tables
    # Most rows were assumed by this very mapping: nothing is to be computed for them.
    now = f"array_remove(array[{', '.join(still)}]::text[], null) || array({kept})"
    same = f"array[{others}]::text[]"
    return f"case when t.assumed = {same} then t.assumed else {now} end"
