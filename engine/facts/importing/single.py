"""One row for each key: repetitions are dropped, rows that contradict an earlier one refused."""

from psycopg import sql

from engine.facts.importing.mapping import TablePlan
from engine.facts.importing.scope import RESOLVED, Scope, count
from engine.facts.importing.staging import staged_name

_COUNT_REPEATED = "select coalesce(sum(n - 1), 0) from (select count(*) n from {} group by {} having count(*) > 1) x"
# Keys are compared as text here because a part of a key may be unknown.
_MAKE_SINGLE = """
with doubtful as (
    select ctid as of_row, * from {resolved}
     where row({key})::text in (select row({key})::text from {resolved} group by {key} having count(*) > 1)
), ranked as (
    select r.of_row, row_number() over w as place, first_value(r.source_line) over w as kept, {same} as same
      from doubtful r {newest}
    window w as (partition by {key} order by {preference})
), gone as (
    delete from {resolved} r using ranked where r.ctid = ranked.of_row and place > 1
    returning r.source_line as line, kept, same
), noted as (
    insert into {refused} (file, relation, line, field, code, reason, taken)
    select distinct {file}, {relation}, line, {field}, 'conflicting-row',
           format('the same %s is in line %s, with other values', {field}, kept), false
      from gone where not same
)
select count(*) filter (where not same) from gone
"""
# The newest order of the account on the same line of the customers' file.
_NEWEST = """
left join (
    select i.source_line, max(o.placed_at) as placed_at from {} i join {} o on o.ref_identity = i.key
     where i.source_line in (select source_line from doubtful) group by i.source_line
) newest on newest.source_line = r.source_line
"""
_PREFERENCE = {
    "refuse": "r.source_line",
    "first": "r.source_line",
    "last": "r.source_line desc",
    "newest_order": "newest.placed_at desc nulls last, r.source_line desc",
}


def make_single(scope: Scope, table: TablePlan, names: tuple[str, ...]) -> tuple[int, int]:
    """Leaves one row for each key: how many were repetitions, and how many were refused as contradicting."""
    key = sql.SQL(", ").join(sql.Identifier(name) for name in table.target.key if name in names)
    repeated = count(scope, sql.SQL(_COUNT_REPEATED).format(RESOLVED, key))
    if not repeated:
        return 0, 0
    content = [name for name in names if name != "source_line" and not name.startswith("ref_")]
    contradicts = table.several == "refuse"
    statement = sql.SQL(_MAKE_SINGLE).format(
        same=_same(content) if contradicts else sql.SQL("true"),
        resolved=RESOLVED,
        newest=_newest_join(scope) if table.several == "newest_order" else sql.SQL(""),
        key=key,
        preference=sql.SQL(_PREFERENCE[table.several]),
        refused=staged_name(scope.digest, "refused"),
        file=sql.Literal(table.file),
        relation=sql.Literal(table.target.name),
        field=sql.Literal(table.target.key[-1]),
    )
    conflicting = count(scope, statement)
    return repeated - conflicting, conflicting


def _same(content: list[str]) -> sql.Composed:
    row = sql.SQL(", ").join(sql.Identifier("r", name) for name in content)
    return sql.SQL("row({0})::text = first_value(row({0})::text) over w").format(row)


def _newest_join(scope: Scope) -> sql.Composed:
    accounts, orders = (staged_name(scope.digest, relation) for relation in ("customer_identities", "orders"))
    return sql.SQL(_NEWEST).format(accounts, orders)
