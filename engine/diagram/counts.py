"""What a backtest counted, written into a playbook's diagram: from the files of `regulars simulate --output DIR`."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.diagram.graph import PAST, START, Box, Graph
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
    ends = {box.id: outcome for box in graph.boxes if (outcome := _outcome(box, plan)) is not None}
    boxes = tuple(replace(box, counts=tuple(_of(box, plan, counts, ends))) for box in graph.boxes)
    ended = Counter[str]()
    for (how, outcome), many in counts.journeys.items():
        ended["still open" if how == "open" else how if how == outcome else f"{how}: {outcome}"] += many
    told = ", ".join(f"{many:,} {how}" for how, many in ended.most_common())
    note = f"Backtest: {_many(counts.journeys.total(), 'journey')}; {told}."
    return replace(graph, boxes=boxes, notes=(*graph.notes, note))


def _outcome(box: Box, plan: Plan) -> str | None:
    """With which outcome a journey ends at a box; none where it does not end there."""
    if box.shape != "end":
        return None
    return next((step.outcome for step in plan.code if isinstance(step, End) and step.id == box.id), PAST)


def _of(box: Box, plan: Plan, counts: Counts, ends: Mapping[str, str]) -> Iterator[str]:
    if box.id == START:
        yield _many(counts.journeys.total(), "journey")
    elif box.id in ends:
        if list(ends.values()).count(ends[box.id]) == 1:  # of several with one outcome nobody has counted which it was
            yield _many(counts.journeys["ended", ends[box.id]], "journey")
    elif box.shape == "send":
        states = counts.messages.get(box.id, Counter())
        yield ", ".join(f"{many:,} {state}" for state, many in sorted(states.items(), key=_sent_first)) or "none"
    else:
        tags = next((step.add for step in plan.code if isinstance(step, Tag) and step.id == box.id), ())
        yield from (_many(counts.given["tag", name], f"tag {name}", f"tags {name}") for name in tags)
        yield from (_many(many, *_WHAT[what]) for (what, name), many in counts.given.items() if name == box.id)


def _many(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


_WHAT = {"coupon": ("coupon",), "task": ("task",), "points": ("point",), "tag": ("tag",)}
_ORDER = ("sent", "skipped", "failed")


def _sent_first(counted: tuple[str, int]) -> tuple[int, str]:
    state = counted[0]
    return _ORDER.index(state) if state in _ORDER else len(_ORDER), state
