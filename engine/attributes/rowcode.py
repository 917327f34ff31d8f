"""Generated source that reads the fields of one relation's rows as they are known as of `at`."""

from collections.abc import Callable, Mapping

from engine.attributes.gathered import bought
from engine.attributes.keywords import Words, keywords_of
from engine.attributes.person import month, zodiac
from engine.attributes.relation import (
    Bought,
    Derived,
    Elapsed,
    Field,
    Holds,
    Keywords,
    LaterDay,
    Local,
    OfDate,
    Relation,
)
from engine.calendar.local import day_of, hour_of, weekday_of
from engine.conditions.ast import Condition
from engine.conditions.expression import Writer
from engine.conditions.generated import Constants

CLOCKS: Mapping[str, Callable[[str], Callable[[int], int]]] = {"day": day_of, "hour": hour_of, "weekday": weekday_of}
"""What of the customer's clock generated source may ask, by the name it is bound to."""

_OF_DATE: Mapping[str, Callable[..., object]] = {"zodiac": zodiac, "month": month}


def clock_lines(clocks: set[str], constants: Constants) -> list[str]:
    """The lines that bind the clocks asked for to the customer's `zone`."""
    return [f"{name} = {constants.name(CLOCKS[name])}(zone)" for name in sorted(clocks)]


class RowReader:
    """Binds each field that is asked for to a local variable, once a row and after those it depends on.

    `lines` are to stand at the head of the loop's body, where the row is `r` and its instant `r_at`. `clocks` are those
    of the customer that must be bound before.
    """

    def __init__(
        self, relation: Relation, currency: str | None, constants: Constants, words: Words | None = None
    ) -> None:
        self.relation = relation
        self.lines: list[str] = []
        self.stored: set[str] = set()
        self.clocks: set[str] = set()
        self._bound: dict[str, str] = {}
        self._currency, self._constants, self._words = currency, constants, words or {}
        types = {name: field.type for name, field in relation.fields.items()}
        self._writer = Writer(self.field, types=types, currency=currency, constants=constants)

    def condition(self, condition: Condition) -> str:
        """The expression of a condition over the row.

        Raises:
            ValueError: it names a field that the relation has not, or cannot be asked of a row.
        """
        return self._writer.write(condition)

    def field(self, name: str) -> str:
        """The local variable that holds a field's value.

        Raises:
            ValueError: the relation has no such field.
        """
        if name == self.relation.instant:
            self.stored.add(name)
            return "r_at"
        if name not in self._bound:
            field = self.relation.fields.get(name)
            if field is None:
                raise ValueError(f"{self.relation.name} has no field {name!r}")
            variable = f"f{len(self._bound)}"
            self._bound[name] = variable
            self.lines += self._stored(name, field, variable) if field.sql else self._derived(field.derived, variable)
        return self._bound[name]

    def _stored(self, name: str, field: Field, variable: str) -> list[str]:
        self.stored.add(name)
        lines = [f"{variable} = r[{self.relation.slots[name]}]"]
        if field.type == "money" and self.relation.money:
            currency = self.field("currency")
            lines += [f"if {currency} != {self._constants.literal(self._currency)}:", f"    {variable} = None"]
        if field.since == name:
            lines += [f"if {variable} is not None and {variable} > at:", f"    {variable} = None"]
        elif field.since is not None:
            since = self.field(field.since)
            lines += [f"if {since} is None:", f"    {variable} = None"]
        return lines

    def _derived(self, derived: Derived | None, variable: str) -> list[str]:
        match derived:
            case Holds(condition):
                return [f"{variable} = {self.condition(condition)}"]
            case Elapsed(start, end, seconds):
                first, last = self.field(start), self.field(end)
                unknown = f"{first} is None or {last} is None"
                return [f"{variable} = None if {unknown} else ({last} - {first}) // {seconds * 1_000_000}"]
            case LaterDay(later, than):
                self.clocks.add("day")
                left, right = self.field(later), self.field(than)
                unknown = f"{left} is None or {right} is None"
                return [f"{variable} = None if {unknown} else {left} > {right} and day({left}) > day({right})"]
            case Local(part, field):
                self.clocks.add(part)
                instant = self.field(field)
                return [f"{variable} = None if {instant} is None else {part}({instant})"]
            case OfDate(what, field):
                return [f"{variable} = {self._constants.name(_OF_DATE[what])}({self.field(field)})"]
            case Keywords(text):
                return [f"{variable} = {self._constants.name(keywords_of(self._words))}({self.field(text)})"]
            case Bought(purchases):
                return [f"{variable} = {self._constants.name(bought)}({self.field(purchases)}, at)"]
            case None:
                raise ValueError(f"a field of {self.relation.name} is neither stored nor derived")
