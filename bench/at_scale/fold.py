"""The reference: every customer by the fold and by `Decide`, one by one, from the same files."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from bench.at_scale.result import Member, Result
from engine.attributes.facts import CustomerFacts, Row
from engine.attributes.fold import compile_fold
from engine.attributes.relations import RELATIONS
from engine.conditions.environment import Catalogue
from engine.conditions.types import Value
from engine.language.rules import Rules, load_rules
from engine.standing.cut_offs import CutOffs, rfm_cut_offs
from engine.standing.decide import Decide, Standing

RULES = Path(__file__).parent / "of_lines"
CURRENCY = "EUR"
RFM = ("rfm_group", "rfm_recency", "rfm_frequency", "rfm_monetary")


def rules() -> Rules:
    """The sixty attributes, RFM and fifty rules.

    Raises:
        ValueError: they have errors.
    """
    loaded = load_rules(RULES)
    errors = [str(issue) for issue in loaded.issues if issue.severity == "error"]
    if errors:
        raise ValueError("\n".join(errors))
    return loaded


def result(directory: Path, at: int) -> Result:
    """Everybody's values and memberships as of an instant in microseconds."""
    loaded = rules()
    fold = compile_fold(loaded.catalogue, currency=CURRENCY)
    people = list(_people(directory))
    values = [fold(person, at) for person in people]
    decide = Decide(loaded.standing, Catalogue(types=fold.types, currency=CURRENCY))
    cut_offs = _cut_offs(loaded, values)
    standings = [decide(each, at, cut_offs=cut_offs).standing for each in values]
    rows = [_row(*each) for each in zip(people, values, standings, strict=True)]
    return Result(rows, frozenset(_members(people, standings)))


def _cut_offs(loaded: Rules, values: list[dict[str, Value]]) -> CutOffs:
    rfm = loaded.standing.rfm
    assert rfm is not None
    base = [each for each in values if (orders := each["orders_730d"]) and isinstance(orders, int) and orders >= 1]
    measures: list[list[Any]] = [
        [each[measure.attribute] for each in base if each[measure.attribute] is not None]
        for measure in (rfm.recency, rfm.frequency, rfm.monetary)
    ]
    return CutOffs(rfm=rfm_cut_offs(*measures, rfm))


def _people(directory: Path) -> Iterator[CustomerFacts]:
    """Everybody's facts, as they would be read from the database."""
    columns = ", ".join(f'"{name}"' for name in RELATIONS["lines"].columns)
    with duckdb.connect() as connection:
        owned: dict[int, list[Row]] = defaultdict(list)
        for owner, *row in connection.execute(
            f"select customer, {columns} from read_parquet('{directory / 'lines.parquet'}')"
        ).fetchall():
            owned[owner].append(row)
        numbers = connection.execute(
            f"select customer, zone from read_parquet('{directory / 'people.parquet'}') order by customer"
        ).fetchall()
    for number, zone in numbers:
        yield CustomerFacts(number, zone or "UTC", {"lines": owned.get(number, [])})


def _row(person: CustomerFacts, values: Mapping[str, Value], standing: Standing) -> dict[str, Any]:
    told = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}
    return {"customer": person.customer_id, **told, **{name: getattr(standing, name) for name in RFM}}


def _members(people: list[CustomerFacts], standings: list[Standing]) -> Iterator[Member]:
    for person, standing in zip(people, standings, strict=True):
        yield from ((person.customer_id, "tag", name) for name in standing.tags)
        yield from ((person.customer_id, "segment", name) for name in standing.segments)
