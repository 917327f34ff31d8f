"""Staged rows of one relation to rows with ids, in a temporary table: references found, keys made single.

What cannot be resolved is refused here, with its line; the rows that are left can be merged without a thought.
"""

import math
from dataclasses import dataclass

from psycopg import sql

from engine.facts.importing.mapping import Cell, TablePlan
from engine.facts.importing.scope import RESOLVED, Scope, count
from engine.facts.importing.single import make_single
from engine.facts.importing.staging import staged_column, staged_name

_JOINS = {
    "customers": "left join customers {alias} on {alias}.key = s.{ref}",
    "customer_identities": (
        "left join customer_identities {alias}"
        " on {alias}.shop_id = {shop} and {alias}.platform = {platform} and {alias}.key = s.{ref}"
    ),
    "orders": "left join orders {alias} on {alias}.shop_id = {shop} and {alias}.number = s.{ref}",
    "products": "left join products {alias} on {alias}.shop_id = {shop} and {alias}.key = s.{ref}",
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """What `resolved` came from and holds.

    `rows` of the file, each as often as the mapping asks, of which some were `repeated` or `refused`; the `columns`,
    and besides them `forecasts`, which only new rows take.
    """

    rows: int
    repeated: int
    refused: int
    columns: tuple[str, ...]
    forecasts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """Columns that follow from other relations, as these are staged: joins to `s`, the staged rows, and expressions."""

    joins: tuple[sql.Composable, ...]
    columns: dict[str, sql.Composable]


def resolve(scope: Scope, table: TablePlan, forecast: Forecast | None = None) -> Resolved:
    """Makes the temporary table `resolved` of a relation's rows; it goes with the transaction or with `forget`.

    Args:
        scope: the import.
        table: the relation.
        forecast: columns that new rows get from other staged relations.
    """
    columns = _select(scope, table)
    forecasts = forecast.columns if forecast else {}
    statement = sql.SQL("create temporary table {} on commit drop as select {} from {} s {} {}").format(
        RESOLVED,
        sql.SQL(", ").join(
            sql.SQL("{} as {}").format(value, sql.Identifier(name)) for name, value in (columns | forecasts).items()
        ),
        staged_name(scope.digest, table.target.name),
        sql.SQL(" ").join(_join(scope, cell) for cell in _references(table)),
        sql.SQL(" ").join(forecast.joins if forecast else ()),
    )
    staged = scope.connection.execute(statement).rowcount
    refused = sum(_refuse_unknown(scope, table, cell) for cell in _references(table))
    repeated, conflicting = make_single(scope, table, tuple(columns))
    times = math.prod(len(values) for values in table.each.values())
    return Resolved(
        rows=staged * times,
        repeated=repeated * times,
        refused=(refused + conflicting) * times,
        columns=tuple(columns),
        forecasts=tuple(forecasts),
    )


def forget(scope: Scope) -> None:
    """Drops the temporary table."""
    scope.connection.execute(sql.SQL("drop table {}").format(RESOLVED))


def _references(table: TablePlan) -> list[Cell]:
    return [cell for cell in table.cells if cell.field.kind == "reference"]


def _select(scope: Scope, table: TablePlan) -> dict[str, sql.Composable]:
    """Each column of the temporary table, with its expression."""
    select: dict[str, sql.Composable] = {"source_line": sql.SQL("s.source_line")}
    if "shop_id" in table.target.columns:
        select["shop_id"] = sql.Literal(scope.shop_id)
    for cell in table.cells:
        if cell.field.kind == "reference":
            found = "customer_id" if cell.field.refers_to == "customer_identities" else "id"
            select[cell.field.column] = sql.Identifier(_alias(cell), found)
            select[staged_column(cell)] = _value(cell)
        else:
            select[cell.field.column] = _value(cell)
    if "currency" in table.target.columns:
        stated = select.get("currency", sql.SQL("null"))
        select["currency"] = sql.SQL("coalesce({}, {})::varchar(3)").format(stated, sql.Literal(scope.currency))
    return select | _filled(table, select)


def _filled(table: TablePlan, select: dict[str, sql.Composable]) -> dict[str, sql.Composable]:
    """Columns that may not be unknown, with their default; and those of the key that the mapping leaves out."""
    filled: dict[str, sql.Composable] = {}
    for field in table.target.fields.values():
        default = field.default or "null"
        told = select.get(field.column)
        if told is not None and field.default is not None:
            filled[field.column] = sql.SQL("coalesce({}, {})").format(told, sql.SQL(default))
        elif told is None and field.column in table.target.key and field.column not in table.each:
            filled[field.column] = sql.SQL("({})::{}").format(sql.SQL(default), sql.SQL(field.sql_type))
    return filled


def _value(cell: Cell) -> sql.Composable:
    if cell.constant is None:
        return sql.Identifier("s", staged_column(cell))
    return sql.SQL("{}::{}").format(sql.Literal(cell.constant), sql.SQL(cell.field.sql_type))


def _alias(cell: Cell) -> str:
    return f"of_{cell.field.name}"


def _join(scope: Scope, cell: Cell) -> sql.Composed:
    text: str = _JOINS[cell.field.refers_to]
    statement = sql.SQL(text.replace("s.{ref}", "{ref}"))
    return statement.format(
        alias=sql.Identifier(_alias(cell)),
        ref=_value(cell),
        shop=sql.Literal(scope.shop_id),
        platform=sql.Literal(cell.model.platform or "shop"),
    )


def _refuse_unknown(scope: Scope, table: TablePlan, cell: Cell) -> int:
    """Refuses the rows whose reference names nobody we know."""
    noun = cell.field.refers_to.replace("customer_identities", "customers' account").rstrip("s").replace("_", " ")
    statement = sql.SQL(
        "with gone as (delete from {resolved} where {ref} is not null and {id} is null"
        " returning source_line as line, {ref} as told),"
        " noted as (insert into {refused} (file, relation, line, field, code, reason, taken)"
        " select distinct {file}, {relation}, line, {field}, 'unknown-reference',"
        " format('no %s %L is known', {noun}, told), false from gone)"
        " select count(distinct line) from gone"
    ).format(
        resolved=RESOLVED,
        ref=sql.Identifier(staged_column(cell)),
        id=sql.Identifier(cell.field.column),
        refused=staged_name(scope.digest, "refused"),
        file=sql.Literal(table.file),
        relation=sql.Literal(table.target.name),
        field=sql.Literal(cell.model.column or cell.field.name),
        noun=sql.Literal(noun),
    )
    return count(scope, statement)
