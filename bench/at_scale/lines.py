"""Customers and their order lines at any size, as Parquet as the mirror has it: in the order of customers.

Every value is a hash of its row's number, so the same size gives the same facts on every machine, and DuckDB makes ten
million lines in less than a minute. Lines come as a shop's do: orders grow over five years, most customers buy once or
never and a few hundreds of times, values are missing, a few amounts are in another currency, some orders are unpaid,
cancelled or do not count, and some lie after the instant of asking.

    python -m bench.at_scale.lines --customers 1000000 --lines 10000000
"""

import argparse
import hashlib
import json
import shutil
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from engine.attributes.relation import Bought, Relation
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.conditions.types import Type
from engine.mirror.reading import PARQUET
from engine.servers.cache import cache, published

START = microseconds(datetime(2021, 1, 1, tzinfo=UTC))
ASKED_AT = microseconds(datetime(2025, 12, 2, tzinfo=UTC))
"""The instant of asking: the last month of the orders lies after it."""
_END = microseconds(datetime(2026, 1, 1, tzinfo=UTC))
_DAY = 86_400_000_000
_PRODUCTS = 20_000
_MADE_BY = f"by customer and key, {PARQUET}"
_PRIME = 1_000_003
"""Spreads customers over their numbers: the greatest buyers are not neighbours."""
_TYPES: dict[Type, str] = {
    "integer": "BIGINT",
    "money": "BIGINT",
    "instant": "BIGINT",
    "date": "DATE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "set": "VARCHAR[]",
    "decimal": "DECIMAL(38, 9)",
}

_MACROS = """
create macro chance(number, salt) as (hash(number * 64 + salt) >> 11)::double / 9007199254740992;
create macro one_of(number, salt, choices) as choices[1 + (hash(number * 64 + salt) % len(choices))::bigint];
"""

# Of a block of ten lines the orders have one, two, three and four.
_LINES = """
select j, (j // 10) * 4 + case when j % 10 = 0 then 0 when j % 10 < 3 then 1 when j % 10 < 6 then 2 else 3 end as k,
    case when j % 10 = 0 then 1 when j % 10 < 3 then j % 10 when j % 10 < 6 then j % 10 - 2 else j % 10 - 5 end as line
from range({lines}) as numbers(j)
"""

# A power of the chance makes few customers buy much: one in four buys nothing, the greatest thousands of lines.
_ORDERS = """
select k,
    ((floor({customers} * pow(0.02 + 0.98 * chance(k, 1), 3))::bigint * {prime}) % {customers}) + 1 as customer,
    {start} + (floor(({end} - {start}) / 1000000.0 * pow((k + chance(k, 2)) / {orders}, 0.8))::bigint
        + floor(chance(k, 3) * 86400)::bigint) * 1000000 as placed_at,
    'N' || lpad(k::varchar, 9, '0') as number, 1 + (hash(k * 64 + 4) % 3)::bigint as shop_id,
    if(chance(k, 5) < 0.04, null, placed_at + floor(pow(chance(k, 6), 4) * 5 * {day})::bigint) as paid_at,
    if(chance(k, 7) < 0.12, null, placed_at + floor((2 + 10 * chance(k, 8)) * {day})::bigint) as delivered_at,
    if(chance(k, 9) < 0.03, placed_at + floor(chance(k, 10) * 3 * {day})::bigint, null) as cancelled_at,
    chance(k, 11) >= 0.01 as counts,
    one_of(k, 12, ['ad', 'ad', 'mail', 'search', 'search', 'direct', 'direct', 'deal', 'coupon', null]) as channel,
    one_of(k, 13, ['shop', 'shop', 'marketplace']) as platform,
    one_of(k, 14, ['card', 'card', 'wallet', 'invoice', 'bank_slip', null]) as payment_method,
    if(chance(k, 15) < 0.03, 'USD', 'EUR') as currency
from {numbers}
"""

_PRODUCT_OF = """
select *, if(chance(j, 20) < 0.3,
    greatest(0, floor({products} * ((placed_at - {start})::double / ({end} - {start}) - 0.02 * chance(j, 21)))),
    floor({products} * pow(chance(j, 22), 2)))::bigint as p
from ({lines}) as numbers join orders_made using (k)
"""

_LINE_FIELDS = {
    "product": "'P' || lpad(p::varchar, 5, '0')",
    "category": "one_of(p, 30, ['shoes', 'shoes', 'bags', 'bags', 'toys', 'care', 'boots', 'hats', 'coats', 'books',"
    " 'lamps', 'tools', 'tea', 'socks', 'games', 'Bücher', null])",
    "style": "one_of(p, 31, ['classic', 'sporty', 'casual', null, null])",
    "size": "one_of(p, 32, ['S', 'M', 'L', null])",
    "color": "one_of(p, 33, ['red', 'blue', 'black', 'white', null])",
    "launched_at": "if(chance(p, 34) < 0.3, null, {start} + floor(({end} - {start}) * (p / {products}.0))::bigint)",
    "settling_days": "one_of(p, 35, [7, 14, 21, null, null, null, null])",
    "repurchase_days": "one_of(p, 36, [30, 60, 90, null, null, null, null])",
    "seller": "if(chance(p, 37) < 0.3, null, 'S' || (hash(p * 64 + 38) % 500)::varchar)",
    "quantity": "1 + floor(3 * pow(chance(j, 23), 4))::bigint",
    "unit_price": "300 + floor(20000 * pow(chance(p, 39), 3))::bigint",
    "discount": "case when chance(j, 24) < 0.2 then null when chance(j, 24) < 0.7 then 0"
    " else floor(quantity * unit_price * (0.05 + 0.25 * chance(j, 25)))::bigint end",
    "discounted": "coalesce(discount, 0) > 0",
    "shipping": "if(chance(k, 16) < 0.5, 0, 490)",
    "amount": "quantity * unit_price - coalesce(discount, 0)",
}

_OF_ORDER = ("number", "paid_at", "delivered_at", "cancelled_at", "counts", "channel", "platform", "payment_method")


@dataclass(frozen=True)
class Size:
    """How many customers there are, and how many lines they have in all: a multiple of ten."""

    customers: int
    lines: int

    @property
    def orders(self) -> int:
        """Four for ten lines."""
        return self.lines // 10 * 4


def facts(size: Size) -> Path:
    """The directory of the facts: a file NAME.parquet for each relation and for `people`; made if it is not there.

    Raises:
        RuntimeError: a file is not as it was made; the next call makes all anew.
    """
    name = f"{size.customers}x{size.lines}-{_digest(size)}"
    directory = published(cache() / "bench" / "at-scale" / name, lambda making: _make(making, size))
    _check(directory)
    return directory


def _digest(size: Size) -> str:
    """Changes with whatever decides what is made; DuckDB's hashes are those of its version."""
    whole = "\n".join([duckdb.__version__, _MADE_BY, repr(size), *_statements(size).values(), _MACROS, _orders(size)])
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


def _check(directory: Path) -> None:
    told = json.loads((directory / "made.json").read_text(encoding="utf-8"))
    for name, digest in told.items():
        if not (directory / name).is_file() or _sum(directory / name) != digest:
            shutil.rmtree(directory)
            raise RuntimeError(f"{directory / name} is not as it was made; all of it is thrown away: try again")


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make(directory: Path, size: Size) -> None:
    directory.mkdir(exist_ok=True)
    with duckdb.connect(str(directory / "made.duckdb")) as connection:
        connection.execute(_MACROS)
        connection.execute(f"create table orders_made as {_orders(size)}")
        for name, statement in _statements(size).items():
            file = directory / f"{name}.parquet"
            order = "customer" if name == "people" else 'customer, "@key"'
            connection.execute(f"copy (select * from ({statement}) order by {order}) to '{file}' ({PARQUET})")
    (directory / "made.duckdb").unlink()
    sums = {path.name: _sum(path) for path in sorted(directory.glob("*.parquet"))}
    (directory / "made.json").write_text(json.dumps(sums, indent=1), encoding="utf-8")


def _orders(size: Size) -> str:
    return _filled(_ORDERS, size, numbers=f"range({size.orders}) as numbers(k)")


def _filled(text: str, size: Size, **more: str) -> str:
    return text.format(
        customers=size.customers, orders=size.orders, start=START, end=_END, day=_DAY, prime=_PRIME,
        products=_PRODUCTS, **({"lines": size.lines} | more),
    )  # fmt: skip


def _statements(size: Size) -> dict[str, str]:
    """By relation: what gives its rows. Those that no attribute of the bench reads are empty."""
    numbers = f"range(1, {size.customers + 1}) as numbers(c)"
    empty = {name: f"{_select(each, {}, each.name)} from (select 1) where false" for name, each in RELATIONS.items()}
    return {
        "people": "select c as customer, one_of(c, 40, ['', '', 'Europe/Berlin', 'America/Sao_Paulo', 'Asia/Kolkata'])"
        f" as zone, 1::bigint as fact_version, 'c' || c as key from {numbers}",
        **empty,
        "customer": f"{_select(RELATIONS['customer'], _PERSON, 'c')} from {numbers}",
        "orders": f"{_select(RELATIONS['orders'], _ORDER_FIELDS, 'customer')} from orders_made",
        "lines": _line_rows(size),
    }


_PERSON = {
    "@key": "'c' || c",
    "key": "'c' || c",
    "country": "one_of(c, 41, ['DE', 'AT', 'FR', 'BR', null])",
    "locale": "one_of(c, 42, ['de-DE', 'fr-FR', 'pt-BR', null])",
    "has_email": "chance(c, 43) < 0.9",
    "has_phone": "chance(c, 44) < 0.4",
}
_SHOP = "['north', 'south', 'east'][shop_id]"
_AT = "if(k % 10007 = 0, null, placed_at)"
"""A row without an instant has happened at no known time, and counts nowhere."""
_ORDER_FIELDS = {
    "@at": _AT,
    "@key": "number || ' ' || shop_id",
    "order_id": "k",
    "shop": _SHOP,
    "currency": "currency",
    "told_at": "placed_at",
    "shipping": "if(chance(k, 16) < 0.5, 0, 490)",
    "pieces": "1 + k % 4",
    **{name: name for name in _OF_ORDER},
}


def _line_rows(size: Size) -> str:
    """Each field in a layer of its own where it builds on another."""
    own = {name: _filled(text, size) for name, text in _LINE_FIELDS.items()}
    made = ", ".join(f"{expression} as {name}" for name, expression in own.items())
    rows = f"select *, {made} from ({_filled(_PRODUCT_OF, size, lines=_filled(_LINES, size))})"
    fields = {
        **_ORDER_FIELDS,
        "@key": "number || ' ' || shop_id || ' ' || lpad(line::varchar, 6, '0')",
        **{name: name for name in own},
    }
    return f"{_select(RELATIONS['lines'], fields, 'customer')} from ({rows})"


def _select(relation: Relation, fields: dict[str, str], owner: str) -> str:
    """A row of the relation: what is not said is null."""
    own = f"{owner if fields else 'null'}::bigint as customer"
    columns = (f'({fields.get(name, "null")})::{_type(relation, name)} as "{name}"' for name in relation.columns)
    return f"select {', '.join((own, *columns))}"


def _type(relation: Relation, name: str) -> str:
    if name in ("@at", "@key"):
        return "BIGINT" if name == "@at" else "VARCHAR"
    lists = {each.derived.purchases for each in relation.fields.values() if isinstance(each.derived, Bought)}
    return "BIGINT[][]" if name in lists else _TYPES[relation.fields[name].type]


def main() -> int:
    """Makes the facts of a size, and says where they are."""
    parser = argparse.ArgumentParser(description="Facts of many customers, for the bench of rules.")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=10_000_000)
    options = parser.parse_args()
    started = time.perf_counter()
    directory = facts(Size(options.customers, options.lines))
    sys.stdout.write(f"{directory} ({time.perf_counter() - started:.0f} s)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
