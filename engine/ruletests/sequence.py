"""What a journey was expected to do beside what it did: aligned, and told side by side in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from itertools import zip_longest

from engine.conditions.operands import instant, microseconds
from engine.language.issues import Span
from engine.ruletests import keys
from engine.ruletests.case import Case, Line
from engine.ruletests.scenario import Wanted
from engine.simulation.log import Entry

Pair = tuple[Wanted | None, Entry | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pairs of what was expected and what was found; where one is missing there is none."""

    wanted: Sequence[Wanted | None]
    found: Sequence[Entry | None]

    @property
    def pairs(self) -> Iterator[Pair]:
        """Each line of the two."""
        return zip_longest(self.wanted, self.found)

    @property
    def different(self) -> bool:
        """Whether any line is not as expected."""
        return any(not same(*pair) for pair in self.pairs)

    @property
    def first(self) -> Span | None:
        """Where the first line that is not met stands in the test."""
        return next((wanted.at for wanted, found in self.pairs if wanted and not same(wanted, found)), None)


def compared(wanted: Sequence[Wanted], found: Sequence[Entry]) -> Comparison:
    """Aligns the two by what is done and by which step, in order."""
    left, right = [(each.what, each.name) for each in wanted], [(each.what, each.name) for each in found]
    ours: list[Wanted | None] = []
    theirs: list[Entry | None] = []
    for _, begin, end, from_, to in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for one, other in zip_longest(wanted[begin:end], found[from_:to]):
            ours.append(one)
            theirs.append(other)
    return Comparison(ours, theirs)


def same(wanted: Wanted | None, found: Entry | None) -> bool:
    """Whether what was found is what was expected."""
    if wanted is None or found is None or wanted.what != found.what or wanted.name != found.name:
        return False
    told = all(_value(found.told.get(name)) == value for name, value in wanted.told.items())
    return told and wanted.instants.met_by(microseconds(found.at))


def _value(value: object) -> str | int | None:
    if isinstance(value, datetime):
        return microseconds(value)
    return None if value is None else str(value)


def side_by_side(case: Case, comparison: Comparison) -> Iterator[Line]:
    """Each line as expected and as found, and whether they are the same. What is not asked for is not shown."""
    for wanted, found in comparison.pairs:
        as_wanted = "" if wanted is None else _of_wanted(case, wanted)
        as_found = "" if found is None else _of_entry(case, found, wanted)
        yield Line(as_wanted, as_found, same(wanted, found))


def _of_wanted(case: Case, wanted: Wanted) -> str:
    instants = wanted.instants
    when = [
        f"{word} {_when(case, at)}" for word, at in (("at", instants.at), ("after", instants.after)) if at is not None
    ]
    when += [f"before {_when(case, instants.before)}"] if instants.before is not None else []
    return ", ".join([f"{wanted.what} {wanted.name}", *_told(case, wanted.what, wanted.told), *when])


def _of_entry(case: Case, entry: Entry, wanted: Wanted | None) -> str:
    """As much of it as the test speaks of; all of it where nothing of the kind was expected."""
    known = keys.TOLD[entry.what]
    told = {name: value for name, value in entry.told.items() if name in known and value is not None}
    alike = wanted is not None and (wanted.what, wanted.name) == (entry.what, entry.name)
    if alike and wanted is not None:
        told = {name: told.get(name, "nothing") for name in wanted.told}
    timed = not alike or wanted is None or any((wanted.instants.at, wanted.instants.after, wanted.instants.before))
    values = {name: microseconds(value) if isinstance(value, datetime) else value for name, value in told.items()}
    when = [f"at {_when(case, microseconds(entry.at))}"] if timed else []
    return ", ".join([f"{entry.what} {entry.name}", *_told(case, entry.what, values), *when])


def _told(case: Case, what: str, told: object) -> list[str]:
    assert isinstance(told, dict)
    shown = {name: value for name, value in told.items() if name in keys.TOLD[what]}
    return [
        f"{name} {_when(case, value) if name in keys.INSTANTS_TOLD and isinstance(value, int) else value}"
        for name, value in shown.items()
    ]


def _when(case: Case, at: int) -> str:
    """An instant as a test writes it, from its `at`: `+2d 1h`."""
    left = instant(at) - instant(case.at)
    past, left = left < timedelta(0), abs(left)
    days, seconds = left.days, left.seconds
    parts = ((days, "d"), (seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    said = [f"{number}{unit}" for number, unit in parts if number]
    if not said:
        return "0"
    return " ".join(f"-{each}" for each in said) if past else f"+{' '.join(said)}"
