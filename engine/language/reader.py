"""Text to located YAML: any text whatsoever gives a tree or located issues, never an exception.

PyYAML scans and parses; the tree is composed here from its events, because its own composer resolves scalars by
YAML 1.1, keeps the last of duplicate keys silently and recurses as deep as the text says.
"""

import re
from collections.abc import Iterator
from typing import Protocol

import yaml

from engine.language.issues import Report, Span
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence
from engine.language.scalars import resolve

MAX_BYTES = 1_000_000
MAX_DEPTH = 100
# Pure Python needs about two seconds for so many, which bounds the time that any text can take.
MAX_VALUES = 50_000

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class _Mark(Protocol):
    """A place as PyYAML gives it, counted from 0."""

    line: int
    column: int


class _RefusedError(Exception):
    """The text cannot be read further; the report says why."""


def read(text: str, report: Report) -> Node | None:
    """Reads one document.

    Args:
        text: The file's text; bytes that were not UTF-8 stand in it as surrogate escapes.
        report: Gets every issue.

    Returns:
        The tree, or None if there is none: then the report has an error.
    """
    text = text.removeprefix("\ufeff")
    if not readable(text, report):
        return None
    try:
        return _Composer(text, report).document()
    except _RefusedError:
        return None


def lines(text: str) -> list[str]:
    """The lines of a text, broken where YAML breaks them."""
    return _BREAK.split(text.removeprefix("\ufeff"))


def place(text: str, index: int) -> Span:
    """The span of the one character at an index."""
    line, start = 1, 0
    for match in _BREAK.finditer(text, 0, index):
        line, start = line + 1, match.end()
    column = index - start + 1
    return Span(line, column, line, column + 1)


def readable(text: str, report: Report) -> bool:
    """Whether a file is text of a fair size; if not, the report says why."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        report.error("RG104", Span(), "more than 1 MB", "at most 1 MB", "split the rules into several files")
    elif bad := _SURROGATE.search(text):
        byte = f"byte 0x{ord(bad.group()) & 0xFF:02x}"
        report.error("RG101", place(text, bad.start()), byte, "UTF-8 text", "save the file in the encoding UTF-8")
    elif bad := _CONTROL.search(text):
        character = f"U+{ord(bad.group()):04X}"
        hint = "save the file in the encoding UTF-8" if bad.group() == "\x00" else "remove the character"
        report.error("RG102", place(text, bad.start()), character, "printable text", hint)
    else:
        return True
    return False


class _Composer:
    """Composes the tree of one document from PyYAML's events."""

    def __init__(self, text: str, report: Report) -> None:
        self._report = report
        self._text = text
        self._events = self._parse(text)
        self._values = 0

    def document(self) -> Node:
        """The one document; an empty file is an empty value."""
        root: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._report.error("RG108", _span(event), "---", "one document", "put the second in its own file")
                    raise _RefusedError
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, 1)
        return root or Scalar(Span(), None, "")

    def _parse(self, text: str) -> Iterator[yaml.Event]:
        """PyYAML's events; its errors as issues."""
        loader = None
        try:
            loader = yaml.SafeLoader(text)
            while loader.check_event():
                yield loader.get_event()  # type: ignore[no-untyped-call]  # likewise
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._syntax(error.problem or error.context or "", _point(mark))
        except (yaml.YAMLError, ValueError, OverflowError):
            # Escapes of impossible characters and numbers of absurd length in directives.
            self._syntax("", Span() if loader is None else _point(loader.get_mark()))

    def _syntax(self, problem: str, at: Span) -> None:
        found, hint = _in_words(problem)
        self._report.error("RG103", at, found, "YAML", hint)
        raise _RefusedError

    def _node(self, event: yaml.NodeEvent, depth: int) -> Node:
        self._values += 1
        if self._values > MAX_VALUES:
            self._report.error("RG104", _span(event), f"more than {MAX_VALUES} values", "a smaller file", "split it")
            raise _RefusedError
        if depth > MAX_DEPTH:
            self._report.error("RG105", _span(event), f"level {depth}", f"at most {MAX_DEPTH} levels", "simplify it")
            raise _RefusedError
        self._check_extras(event)
        match event:
            case yaml.ScalarEvent():
                return self._scalar(event)
            case yaml.SequenceStartEvent():
                return self._sequence(event, depth)
            case yaml.MappingStartEvent():
                return self._mapping(event, depth)
            case _:
                return Scalar(_span(event), None, "")

    def _check_extras(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._report.error("RG106", _span(event), f"*{event.anchor}", "the value itself", "write it out")
        elif event.anchor is not None:
            self._report.error("RG106", _first(event), f"&{event.anchor}", "the value alone", "remove the anchor")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._report.error("RG107", _first(event), str(tag), "a plain value", "remove the tag; quote text")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        text = str(event.value)
        if bad := _SURROGATE.search(text) or _CONTROL.search(text):
            character = f"U+{ord(bad.group()):04X}"
            self._report.error("RG102", _span(event), character, "printable text", "remove the escape")
            text = ""
        return Scalar(_span(event), resolve(text) if event.style is None else text, text)

    def _sequence(self, event: yaml.SequenceStartEvent, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(after := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(_node_event(after), depth + 1))
        return Sequence(_between(event, after), tuple(items))

    def _mapping(self, event: yaml.MappingStartEvent, depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        while not isinstance(after := next(self._events), yaml.MappingEndEvent):
            key = self._node(_node_event(after), depth + 1)
            value = self._node(_node_event(next(self._events)), depth + 1)
            self._enter(entries, key, value)
        return Mapping(_between(event, after), tuple(entries.values()))

    def _enter(self, entries: dict[str, Entry], key: Node, value: Node) -> None:
        if not isinstance(key, Scalar) or key.text == "":
            self._report.error("RG110", key.span, "a key that is no text", "a word before the colon", "quote the key")
        elif first := entries.get(key.text):
            hint = f"it is first given in line {first.span.line}; remove or rename one"
            self._report.error("RG109", key.span, key.text, "each key once", hint)
        else:
            entries[key.text] = Entry(key.text, key.span, value)


_WORDS = (
    (
        "cannot start any token",
        "a tab or reserved character",
        "indent with spaces; quote text that starts with %, @ or `",
    ),
    (
        "mapping values are not allowed",
        "a colon where none can stand",
        "check the indentation; quote text that has a colon",
    ),
    ("found unknown escape", "an unknown escape", "in double quotes write \\\\ for a backslash"),
    ("unexpected end of stream", "the end of the file", "a quote or bracket is not closed"),
    ("<stream end>", "the end of the file", "a bracket is not closed"),
    ("expected <block end>", "an entry at another indentation", "align it with the entries above"),
    ("could not find expected ':'", "a line without a colon", "write `key: value`, with a space after the colon"),
    ("expected ',' or", "something else than a comma or a closing bracket", "close the bracket or add a comma"),
)


def _in_words(problem: str) -> tuple[str, str]:
    """An operator's words for PyYAML's problem, and a hint."""
    for part, found, hint in _WORDS:
        if part in problem:
            return found, hint
    return problem or "text that YAML does not allow", ""


def _node_event(event: yaml.Event) -> yaml.NodeEvent:
    """Inside a list or mapping PyYAML gives only events of nodes."""
    assert isinstance(event, yaml.NodeEvent)
    return event


def _point(mark: _Mark | None) -> Span:
    if mark is None:
        return Span()
    return Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)


def _span(event: yaml.Event) -> Span:
    return _between(event, event)


def _first(event: yaml.Event) -> Span:
    return _point(event.start_mark)


def _between(first: yaml.Event, last: yaml.Event) -> Span:
    start, end = first.start_mark, last.end_mark
    if start is None or end is None:
        return Span()
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)
