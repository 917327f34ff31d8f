"""The attributes of everybody as of an instant, by one statement over the mirror; read only, in bounded memory."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import cast

import duckdb

from engine.conditions.operands import microseconds
from engine.conditions.types import Type, Value
from engine.explain.customers import Customer
from engine.explain.values import Values
from engine.language.rules import Rules
from engine.mirror.open import Mirror
from engine.money import exponent
from engine.query import sql
from engine.query.attributes import Statement, compile_attributes
from engine.query.run import write

_TABLE = "attribute_values"
_PART = 250_000
"""Customers whose attributes are worked out at once."""
_ROWS = 2_000
"""Rows that are Python's at once."""
_LARGEST = 2**63 - 1


class Bulk:
    """Everybody's attributes, worked out and kept in the mirror's connection, beyond its memory on disk."""

    def __init__(self, mirror: Mirror, rules: Rules, currency: str | None, at: datetime) -> None:
        """Works them out.

        Args:
            mirror: the facts.
            rules: whose attributes.
            currency: the reporting currency.
            at: the instant; what lies after it is not known.
        """
        self._duck, self._currency = mirror.duck, currency
        self._catalogue = rules.catalogue
        statement: Statement = compile_attributes(
            rules.catalogue, currency=currency, words=rules.words, zone=rules.policy.zone, parts=True
        )
        ((people,),) = self._duck.execute("select count(*) from people").fetchall()
        self._types = statement.types
        self.customers = write(self._duck, statement, microseconds(at), _TABLE, parts=-(-people // _PART) or 1)

    def rows(self) -> Iterator[Values]:
        """Each customer's, by the shop's name of them."""
        names = list(self._catalogue)
        columns = ", ".join(f"v.{sql.name(name)}" for name in names)
        found = self._duck.execute(f"select p.key, v.customer, {columns} {_FROM}")
        while rows := found.fetchmany(_ROWS):
            for key, customer, *values in rows:
                yield Values(
                    Customer(customer, key), {name: _value(each) for name, each in zip(names, values, strict=True)}
                )

    def write_parquet(self, path: Path) -> None:
        """Writes them into a Parquet file, which is there only when it is whole; by the shop's name of customers.

        Amounts are decimals in whole units, instants timestamps in UTC, sets lists; unknown is null.

        Raises:
            OSError: the file cannot be written.
        """
        aside = path.with_name(f".{path.name}.part")
        wide = self._wide()
        columns = ", ".join(
            f"{self._told(f'v.{sql.name(name)}', each.type, wide=name in wide)} as {sql.name(name)}"
            for name, each in self._catalogue.items()
        )
        try:
            self._duck.execute(
                f"copy (select p.key as customer, v.customer as id, {columns} {_FROM})"
                f" to {sql.text(str(aside))} (format parquet)"
            )
            aside.replace(path)
        except duckdb.IOException as error:
            raise OSError(str(error).split("\n")[0]) from error
        finally:
            aside.unlink(missing_ok=True)

    def _wide(self) -> frozenset[str]:
        """Whole numbers of which one is larger than 64 bits hold: there are none but in sums of extremes."""
        names = [name for name in self._catalogue if self._types[name] == "HUGEINT"]
        if not names:
            return frozenset()
        largest = ", ".join(f"max(abs({sql.name(name)}))" for name in names)
        (found,) = self._duck.execute(f"select {largest} from {_TABLE}").fetchall()  # noqa: S608 -- quoted names
        return frozenset(name for name, each in zip(names, found, strict=True) if each is not None and each > _LARGEST)

    def _told(self, column: str, kind: Type, *, wide: bool) -> str:
        match kind:
            case "money" if self._currency:
                digits = exponent(self._currency)
                return f"{column}::decimal(34, 0) * {10**-digits:.{digits}f}::decimal({digits + 1}, {digits})"
            case "integer" | "money":
                return f"{column}::decimal(38, 0)" if wide else f"{column}::bigint"
            case "instant":
                return f"make_timestamp({column})::timestamptz"
            case _:
                return column


_FROM = f"from {_TABLE} v join people p on p.customer = v.customer order by p.key"


def _value(value: object) -> Value:
    return cast("Value", frozenset(value) if isinstance(value, list) else value)
