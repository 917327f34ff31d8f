"""Located values: YAML as a tree in which every part knows its place.

Keys are always text, as written: `5: x` has the key `5`, and `true: x` the key `true`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from engine.language.issues import Span

ScalarValue = str | int | Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, and the text it was written as."""

    span: Span
    value: ScalarValue
    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    span: Span
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a mapping."""

    key: str
    span: Span
    """Of the key."""
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order of writing; a key given twice is here once."""

    span: Span
    entries: tuple[Entry, ...]

    def entry(self, key: str) -> Entry | None:
        """The entry of a key."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def get(self, key: str) -> "Node | None":
        """The value of a key."""
        entry = self.entry(key)
        return None if entry is None else entry.value

    def keys(self) -> tuple[str, ...]:
        """All keys, as written."""
        return tuple(entry.key for entry in self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


Node = Scalar | Sequence | Mapping


def plain(node: Node) -> object:
    """The value without its places, as pydantic takes it."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Mapping(entries=entries):
            return {entry.key: plain(entry.value) for entry in entries}


def is_nothing(node: Node) -> bool:
    """Whether nothing stands there: a key without a value."""
    return isinstance(node, Scalar) and node.value is None


def found(node: Node) -> str:
    """What stands there, in words for an issue."""
    match node:
        case Scalar(value=None):
            return "nothing"
        case Scalar(text=text):
            return text if text.strip() else "an empty text"
        case Sequence(items=items):
            return "a list" if items else "an empty list"
        case Mapping(entries=entries):
            return f"a mapping with {', '.join(entry.key for entry in entries[:4])}" if entries else "an empty mapping"
