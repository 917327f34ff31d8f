"""Where rules and their clauses stand, so that whoever reads of one can go there."""

from collections.abc import Mapping

from engine.conditions.ast import Compare, Did
from engine.language.issues import Report
from engine.language.located import Entry, Node, Sequence
from engine.language.located import Mapping as Located
from engine.language.reader import read
from engine.language.rules import is_test
from engine.ruletests.clauses import Clause

_HOLDERS = {"tag": "tags", "segment": "segments", "stage": "lifecycle", "tier": "tiers", "rfm": "rfm"}
_LISTED = ("attributes", "tags", "segments", "lifecycle")


class Places:
    """Where rules stand, by what the files declare."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """Reads all files of rules, by their path."""
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
            for each in held if isinstance(held, Located) and entry.key in _LISTED else ():
                self._rules.setdefault(f"{entry.key} {each.key}", (path, each))
            self._rules.setdefault(entry.key, (path, entry))

    def attribute(self, name: str) -> tuple[str, Entry] | None:
        """File and entry of an attribute's declaration."""
        return self._rules.get(f"attributes {name}")

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
