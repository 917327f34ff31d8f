"""What a backtest counted, written into a playbook's diagram: from the files of `regulars simulate --output DIR`."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.diagram.graph import START, Box, Graph
from engine.journeys.plan import End, Plan, Tag

FILES: Mapping[str, tuple[str, ...]] = {
    "messages.csv": ("playbook", "step", "state", "messages"),
    "journeys.csv": ("playbook", "ended", "outcome", "journeys"),
    "given.csv": ("playbook", "what", "step", "count"),
}
"""The files that are read, with the columns that they need; one without any row has no columns either."""


class CountsError(Exception):
    """The directory is not the result of a backtest: `file` is the place, then what was found and expected."""

    def __init__(self, file: Path, line: int, found: str, expected: str) -> None:
        self.file, self.line, self.found, self.expected = file, line, found, expected
        place = f"{file}:{line}" if line else f"{file}"
        super().__init__(f"{place}: found {found}, expected {expected}")


@dataclass(frozen=True)
class Counts:
    """One playbook's numbers: messages by step and state, journeys by how they ended and the outcome, things given."""

    messages: Mapping[str, Counter[str]] = field(default_factory=dict)
    journeys: Counter[tuple[str, str]] = field(default_factory=Counter)
    given: Counter[tuple[str, str]] = field(default_factory=Counter)


def read_counts(directory: Path, playbook: str) -> Counts:
    """The numbers of one playbook.

    Raises:
        CountsError: a file is missing or is not as `regulars simulate` writes it, or the playbook is not in them.
    """
    messages: dict[str, Counter[str]] = {}
    for row, many in _rows(directory / "messages.csv", playbook):
        messages.setdefault(row["step"], Counter())[row["state"]] += many
    journeys = Counter[tuple[str, str]]()
    for row, many in _rows(directory / "journeys.csv", playbook):
        journeys[row["ended"], row["outcome"]] += many
    given = Counter[tuple[str, str]]()
    for row, many in _rows(directory / "given.csv", playbook):
        given[row["what"], row["step"]] += many
    if not journeys:
        raise CountsError(
            directory / "journeys.csv", 0, f"no journey of {playbook}", "a backtest in which it took part"
        )
    return Counts(messages, journeys, given)


def _rows(file: Path, playbook: str) -> Iterator[tuple[dict[str, str], int]]:
    """The playbook's rows, each with its number."""
    columns = FILES[file.name]
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            reader = csv.DictReader(opened)
            missing = [name for name in columns if name not in (reader.fieldnames or columns)]
            if missing:
                raise CountsError(file, 1, f"no column {missing[0]}", f"the columns {', '.join(columns)}")
            for row in reader:
                if row["playbook"] == playbook:
                    yield row, _number(file, reader.line_num, row[columns[-1]])
    except (OSError, UnicodeDecodeError) as error:
        found = "a file that cannot be read" if file.exists() else "no such file"
        raise CountsError(file, 0, found, "the directory that `regulars simulate --output` wrote") from error


def _number(file: Path, line: int, text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise CountsError(file, line, repr(text), "a whole number") from None


def with_counts(graph: Graph, plan: Plan, counts: Counts) -> Graph:
    """The graph with the numbers in its boxes: what became of each message, how many journeys began and ended."""
    boxes = tuple(replace(box, counts=tuple(_of(box, plan, counts))) for box in graph.boxes)
    ended = Counter[str]()
    for (how, outcome), many in counts.journeys.items():
        ended["still open" if how == "open" else f"{how}: {outcome}"] += many
    told = ", ".join(f"{many:,} {how}" for how, many in ended.most_common())
    note = f"Backtest: {counts.journeys.total():,} journeys; {told}."
    return replace(graph, boxes=boxes, notes=(*graph.notes, note))


def _of(box: Box, plan: Plan, counts: Counts) -> Iterator[str]:
    if box.id == START:
        yield f"{counts.journeys.total():,} journeys"
        return
    step = next((each for each in plan.code if each.id == box.id), None)
    if box.id in counts.messages:
        yield ", ".join(f"{many:,} {state}" for state, many in _by_weight(counts.messages[box.id]))
    elif box.shape == "send":
        yield "none"
    elif isinstance(step, End):
        same = sum(isinstance(each, End) and each.outcome == step.outcome for each in plan.code)
        many = counts.journeys["ended", step.outcome]
        if same == 1:  # of several ends with one outcome nobody has counted which it was
            yield f"{many:,} journeys"
    elif isinstance(step, Tag):
        yield from (f"{counts.given['tag', name]:,} times {name}" for name in step.add)
    else:
        yield from (f"{many:,} {_WHAT[what]}" for (what, name), many in counts.given.items() if name == box.id)


_WHAT = {"coupon": "coupons", "task": "tasks", "points": "points", "tag": "tags"}
_ORDER = ("sent", "skipped", "failed")


def _by_weight(states: Counter[str]) -> list[tuple[str, int]]:
    """Sent first, then what was not."""
    known = {state: place for place, state in enumerate(_ORDER)}
    return sorted(states.items(), key=lambda each: (known.get(each[0], len(known)), each[0]))
