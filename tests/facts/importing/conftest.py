"""A small shop as CSV files with a mapping, to be changed by a test and imported."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.facts.importing.results import Result
from engine.facts.importing.run import run

MAPPING = """\
shop: {key: corner, name: Corner Shop, zone: Europe/Berlin, currency: EUR, country: DE}
files:
  people: people.csv
  orders: orders.csv
  lines: lines.csv
  payments: payments.csv
  reviews: reviews.csv
tables:
  customers:
    file: people
    columns:
      key: id
      email: mail
      city: city
      locale: {value: de, assumed: true}
      country: {value: DE, assumed: true}
  consents:
    file: people
    each: {purpose: [marketing, service]}
    columns: {customer: id, granted: {value: true, assumed: true}}
  products:
    file: lines
    several: first
    columns: {key: article}
  orders:
    file: orders
    delivered_status: delivered
    columns:
      number: number
      customer: person
      status: state
      closed: {column: state, map: {canceled: cancelled}, otherwise: empty}
      placed_at: placed
      paid_at: paid
      shipped_at: sent
      payment_method: {of: payments, take: method, largest: amount}
      total: {of: payments, sum: amount}
      currency: {value: EUR, assumed: true}
  order_lines:
    file: lines
    columns: {order: number, line: line, product: article, unit_price: price}
  payments:
    file: payments
    columns:
      order: number
      sequence: "no"
      method: {column: kind, map: {slip: bank_slip}}
      amount: amount
  shipments:
    file: orders
    where_known: sent
    columns: {order: number, key: {value: "1"}, shipped_at: sent}
  reviews:
    file: reviews
    columns: {order: number, key: id, score: stars, body: text, created_at: at}
"""

FILES = {
    "people.csv": "id,mail,city\nanna,Anna@Example.org,Bonn\nbert,,Köln\n",
    "orders.csv": (
        "number,person,state,placed,paid,sent\n"
        "1001,anna,delivered,2018-01-08 10:00:00,2018-01-08 10:05:00,2018-01-09 08:00:00\n"
        "1002,anna,canceled,2018-02-01 12:00:00,,\n"
        "1003,bert,created,2018-03-25 02:30:00,,\n"
    ),
    "lines.csv": "number,line,article,price\n1001,1,tea,12.50\n1001,2,cup,7\n1003,1,tea,12.50\n",
    "payments.csv": "number,no,kind,amount\n1001,1,voucher,2.50\n1001,2,card,17.00\n1003,1,slip,12.50\n",
    "reviews.csv": 'id,number,stars,text,at\nr1,1001,5,"Good, ""very"" good\nindeed",2018-01-12 00:00:00\n',
}


@dataclass
class Shop:
    """The files of a shop, and what importing them gives."""

    directory: Path
    url: str
    state: Path
    mapping: str = MAPPING
    files: dict[str, str | bytes] = field(default_factory=lambda: dict(FILES))

    def add(self, file: str, *rows: str) -> None:
        """Adds rows to a file."""
        text = self.files[file]
        assert isinstance(text, str)
        self.files[file] = text + "".join(f"{row}\n" for row in rows)

    def write(self) -> tuple[Path, Path]:
        """Writes everything; the source's directory and the mapping."""
        source = self.directory / "source"
        source.mkdir(exist_ok=True)
        for name, content in self.files.items():
            (source / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        mapping = self.directory / "mapping.yaml"
        mapping.write_text(self.mapping, encoding="utf-8")
        return source, mapping

    def load(self, **options: Any) -> Result:
        """Imports it."""
        source, mapping = self.write()
        return run(self.url, self.state, source, mapping, **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the facts say now."""
        with psycopg.connect(self.url, options="-c timezone=UTC") as connection:
            return connection.execute(query).fetchall()

    def refused(self, result: Result) -> list[tuple[str, ...]]:
        """File, line, field and code of each refused row."""
        found = []
        for file in result.files:
            if file.refused_file is not None:
                lines = _read(file.refused_file)
                found += [(file.alias, row["line"], row["field"], row["code"]) for row in lines]
        return found


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Shop:
    """A shop with two customers and three orders."""
    return Shop(tmp_path, database, tmp_path / "state")


@pytest.fixture
def refused_rows() -> Callable[[Path], list[dict[str, str]]]:
    """Reads a file of refused rows."""
    return _read
