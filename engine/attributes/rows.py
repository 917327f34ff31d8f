"""One row's fields as of an instant: for scopes, and for the fields of events."""

from collections.abc import Callable
from functools import lru_cache

from engine.attributes.facts import Row
from engine.attributes.relations import RELATIONS
from engine.attributes.rowcode import RowReader, clock_lines
from engine.conditions.generated import Constants, function
from engine.conditions.types import Value

RowFields = Callable[[Row, int, str], dict[str, Value]]


@lru_cache(maxsize=256)
def compile_row(
    relation: str,
    currency: str | None,
    prefix: str = "",
    words: tuple[tuple[str, tuple[str, ...]], ...] = (),
    only: frozenset[str] | None = None,
) -> RowFields:
    """A function of a row, an instant in microseconds and a zone that gives the row's fields as known then.

    A row that does not exist at the instant has none.

    Args:
        relation: the relation's name.
        currency: the reporting currency; money in another one is unknown.
        prefix: what stands before each field's name, such as `order.`.
        words: the word lists by which texts have keywords, each with its name.
        only: the fields wanted; default: all.
    """
    constants = Constants()
    of = RELATIONS[relation]
    reader = RowReader(of, currency, constants, dict(words))
    values = {f"{prefix}{name}": reader.field(name) for name in of.offered if only is None or name in only}
    exists = [] if of.at is None else ["r_at = r[0]", "if r_at is None or r_at > at:", "    return {}"]
    body = [
        *exists,
        *clock_lines(reader.clocks, constants),
        *reader.lines,
        "return {" + ", ".join(f"{name!r}: {value}" for name, value in values.items()) + "}",
    ]
    return function("r, at, zone", body, constants)
