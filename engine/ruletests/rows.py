"""Rows of facts from located YAML: each key checked, each value read as its field's type."""

from collections.abc import Iterator
from datetime import date

from engine.conditions.types import Type, Value
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Node, Scalar, Sequence, found
from engine.language.located import Mapping as Located
from engine.language.operands import amount, operand
from engine.language.scope import Typed
from engine.language.validate import sequence
from engine.language.values import read_duration
from engine.ruletests.moments import Moments
from engine.ruletests.notation import INSIDE, NOTATIONS, REPEATED, Notation

Values = dict[str, object]
MOST = 1000
"""Repetitions of one row: more would be a test of nothing but patience."""


class Row:
    """One row as written: values by the name of their column, those inside of it, and its currency."""

    def __init__(self, notation: Notation) -> None:
        """Begins with what stands unsaid."""
        self.values: Values = dict(notation.unsaid)
        self.inside: dict[str, list[Row]] = {}
        self.currency: str | None = None

    @classmethod
    def of_payment(cls, currency: str | None) -> "Row":
        """An empty payment in a currency."""
        row = cls(NOTATIONS["payments"])
        row.currency = currency
        return row

    def get(self, name: str) -> Value:
        """A column's value; None if nothing is said."""
        return self.values.get(name)  # type: ignore[return-value]  # the reader puts in only values of the language


def read_rows(name: str, node: Node, moments: Moments, report: Report) -> list[Row]:
    """The rows under a key such as `orders`: a list of mappings, or of instants alone."""
    notation = NOTATIONS[name]
    listed = node.items if isinstance(node, Sequence) else None
    if listed is None:
        listing = sequence(node, report, f"a list of {name.replace('_', ' ')}")
        listed = () if listing is None else listing.items
    return [row for item in listed for row in read_repeated(item, notation, moments, report)]


def read_customer(node: Located, moments: Moments, report: Report) -> Values:
    """What is said of the person."""
    return _row(node, NOTATIONS["customer"], moments, report).values


def read_repeated(node: Node, notation: Notation, moments: Moments, report: Report) -> Iterator[Row]:
    """A row as often as it says, each time earlier."""
    if not isinstance(node, Located):
        row = _bare(node, notation, moments, report)
        if row is not None:
            yield row
        return
    times, every = _repetition(node, report)
    for place in range(times):
        yield _row(node, notation, moments.moved(-place * every), report if place == 0 else Report(report.file))


def _repetition(node: Located, report: Report) -> tuple[int, int]:
    """How often a row is there, and how many microseconds earlier each time."""
    times, every = node.entry("times"), node.entry("every")
    count = times.value.value if times and isinstance(times.value, Scalar) else 1
    if times and (not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST):
        report.error("RG209", times.value.span, found(times.value), f"a whole number from 1 to {MOST}")
        count = 1
    if every is None:
        return int(str(count)), 0
    if times is None:
        report.error("RG202", every.span, "every without times", "the key times", "such as times: 3")
    try:
        length = read_duration(every.value.value if isinstance(every.value, Scalar) else None)
    except ValueError:
        report.error("RG205", every.value.span, found(every.value), "a duration such as 30d")
        return 1, 0
    return int(str(count)), length.seconds * 1_000_000


def _bare(node: Node, notation: Notation, moments: Moments, report: Report) -> Row | None:
    if notation.main is None or not isinstance(node, Scalar):
        report.error("RG203", node.span, found(node), f"a mapping with {one_of(notation.keys)}")
        return None
    row = Row(notation)
    row.values[notation.fields[notation.main][0]] = moments.read(node, report)
    return row


def _row(node: Located, notation: Notation, moments: Moments, report: Report) -> Row:
    row = Row(notation)
    for entry in node:
        if entry.key in notation.inside:
            row.inside[entry.key] = read_rows(entry.key, entry.value, moments, report)
        elif entry.key in notation.fields:
            _set(row, entry, *notation.fields[entry.key], moments, report)
        elif entry.key not in REPEATED or notation.relation in ("customer", "campaign_periods"):
            report.error("RG303", entry.span, entry.key, one_of(notation.keys, 20), _hint(entry.key, notation))
    return row


def _hint(key: str, notation: Notation) -> str:
    if key in INSIDE:
        return f"{key} are written inside of their order"
    return did_you_mean(key, notation.keys)


def _set(row: Row, entry: Entry, name: str, kind: Type, moments: Moments, report: Report) -> None:
    if kind == "instant":
        row.values[name] = moments.read(entry.value, report)
    elif kind == "money":
        _set_money(row, entry, name, report)
    else:
        value = operand(entry.value, entry.key, Typed(kind), report)
        row.values[name] = date.fromisoformat(value) if kind == "date" and isinstance(value, str) else value


def _set_money(row: Row, entry: Entry, name: str, report: Report) -> None:
    money = amount(entry.value, entry.key, report)
    if money is None:
        return
    if row.currency not in (None, money.currency):
        report.error("RG401", entry.value.span, found(entry.value), f"an amount in {row.currency}, as before it")
    row.values[name] = money.minor
    row.currency = money.currency
