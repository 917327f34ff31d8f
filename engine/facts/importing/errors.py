"""Mistakes of an operator that end an import before anything is changed."""

from collections.abc import Iterable

from engine.language.issues import Issue, ordered


class MappingError(Exception):
    """The mapping is wrong, or does not fit the source; every mistake with its place.

    Attributes:
        issues: all mistakes, by place.
        text: the mapping file's text, to quote from; empty if it could not be read.
    """

    def __init__(self, issues: Iterable[Issue], text: str = "") -> None:
        self.issues = ordered(issues)
        self.text = text
        super().__init__("; ".join(f"{each.file}:{each.line}:{each.column} {each.code}" for each in self.issues))


class SourceError(Exception):
    """A file of the source cannot be read at all.

    Attributes:
        code: stable name of the mistake.
        place: the file, with a line where one is known.
        found: what is there.
        expected: what should be.
        hint: what to do.
    """

    def __init__(self, code: str, place: str, found: str, expected: str, hint: str) -> None:
        self.code = code
        self.place = place
        self.found = found
        self.expected = expected
        self.hint = hint
        super().__init__(f"{place}: error[{code}]: found {found}, expected {expected}\n  hint: {hint}")
