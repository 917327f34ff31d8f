"""Coverage: of all clauses of the rules, which did tests decide both ways."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.conditions.ast import Compare, Did
from engine.language.issues import Report
from engine.language.located import Entry, Node, Sequence
from engine.language.located import Mapping as Located
from engine.language.reader import read
from engine.language.rules import Rules, is_test
from engine.ruletests.case import Outcome
from engine.ruletests.clauses import Clause, clauses
from engine.ruletests.words import clause_text

_HOLDERS = {"tag": "tags", "segment": "segments", "stage": "lifecycle", "tier": "tiers", "rfm": "rfm"}


@dataclass(frozen=True, slots=True)
class Covered:
    """One clause: where it stands, and which ways tests decided it."""

    clause: Clause
    file: str
    line: int
    ways: frozenset[bool]

    @property
    def both(self) -> bool:
        """Whether it was decided both ways."""
        return len(self.ways) == 2

    @property
    def text(self) -> str:
        """The clause in words."""
        return self.clause.text if self.clause.condition is None else clause_text(self.clause.condition)

    @property
    def missing(self) -> str:
        """What no test shows, in words."""
        ways = {True: "it never decided by holding", False: "it never decided by failing"}
        return "no test decides it" if not self.ways else "".join(ways[way] for way in ways if way not in self.ways)


@dataclass(frozen=True, slots=True)
class Coverage:
    """All clauses of the rules, by file and line."""

    clauses: tuple[Covered, ...]

    @property
    def both(self) -> int:
        """How many were decided both ways."""
        return sum(each.both for each in self.clauses)

    @property
    def hundredths(self) -> int:
        """The share of them in hundredths of a per cent, rounded down: 10000 only if all are. Of none, all are."""
        return 10_000 * self.both // len(self.clauses) if self.clauses else 10_000

    def by_file(self) -> dict[str, tuple[Covered, ...]]:
        """The clauses of each file."""
        files: dict[str, list[Covered]] = {}
        for each in self.clauses:
            files.setdefault(each.file, []).append(each)
        return {file: tuple(files[file]) for file in sorted(files)}


def coverage(rules: Rules, outcomes: Iterable[Outcome]) -> Coverage:
    """What tests covered of the rules; only tests that passed count."""
    ways: dict[str, set[bool]] = {}
    for outcome in outcomes:
        if outcome.passed:
            for key, verdicts in outcome.decided.items():
                ways.setdefault(key, set()).update(verdicts)
    places = _Places(rules.files)
    found = [Covered(each, *places.of(each), frozenset(ways.get(each.key, ()))) for each in clauses(rules.standing)]
    return Coverage(tuple(sorted(found, key=lambda each: (each.file, each.line))))


class _Places:
    """Where rules stand: the trees of all files by what they declare."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._rules: dict[str, tuple[str, Entry]] = {}
        self._met: dict[tuple[str, str, str], int] = {}
        for path, text in sorted(files.items()):
            if path.endswith((".yaml", ".yml")) and not is_test(path):
                self._add(path, read(text, Report(path)))

    def _add(self, path: str, root: Node | None) -> None:
        for entry in root if isinstance(root, Located) else ():
            held = entry.value
            if entry.key == "lifecycle" and isinstance(held, Located):
                held = held.get("stages") or held
            for each in held if isinstance(held, Located) and entry.key in ("tags", "segments", "lifecycle") else ():
                self._rules.setdefault(f"{entry.key} {each.key}", (path, each))
            self._rules.setdefault(entry.key, (path, entry))

    def of(self, clause: Clause) -> tuple[str, int]:
        """File and line of a clause; of several that look alike the next one."""
        kind, _, name = clause.rule.partition(" ")
        holder = _HOLDERS[kind]
        file, entry = self._rules.get(f"{holder} {name}" if name else holder, ("", None))
        if entry is None:
            return file, 0
        asked = _asked(clause)
        lines = [found.span.line for found in _entries(entry.value, *asked)] if asked else []
        place = self._met.get((clause.rule, *asked), 0) if asked else 0
        if asked:
            self._met[clause.rule, *asked] = place + 1
        return file, lines[min(place, len(lines) - 1)] if lines else entry.span.line


def _asked(clause: Clause) -> tuple[str, str] | None:
    """Key and operator by which a clause is found in its rule."""
    match clause.condition:
        case Compare(name=name, operator=operator):
            return name, operator
        case Did(event=event):
            return "did", event
        case _:
            return None


def _entries(node: Node, key: str, within: str) -> list[Entry]:
    found: list[Entry] = []
    for item in node.items if isinstance(node, Sequence) else ():
        found += _entries(item, key, within)
    for entry in node if isinstance(node, Located) else ():
        if entry.key == key or (key == "did" and entry.key == "did_not"):
            operators = entry.value.keys() if isinstance(entry.value, Located) and key != "did" else ()
            found += [each for each in _operators(entry) if each.key == within] if operators else [entry]
        else:
            found += _entries(entry.value, key, within)
    return found


def _operators(entry: Entry) -> tuple[Entry, ...]:
    return entry.value.entries if isinstance(entry.value, Located) else ()
