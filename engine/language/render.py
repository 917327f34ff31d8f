"""Issues as text for people, JSON for machines and annotations for GitHub."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Literal

from rich.markup import escape

from engine.language.issues import Issue, disables
from engine.language.reader import lines

Format = Literal["text", "json", "github"]
_WIDEST = 140
_TAB = 4


def as_text(issues: Iterable[Issue], files: Mapping[str, str], prefix: str = "") -> str:
    """One paragraph for each issue, with the line it is in and a caret; Rich's markup gives it colour.

    Args:
        issues: The issues, in the order of showing.
        files: Texts by the path that issues name.
        prefix: Put before each path: the rules directory as seen from where people are.
    """
    split = {path: lines(files[path]) for path in {issue.file for issue in issues} if path in files}
    return "\n\n".join(_paragraph(issue, split.get(issue.file, []), prefix) for issue in issues)


def _paragraph(issue: Issue, text: list[str], prefix: str) -> str:
    colour = "red" if issue.severity == "error" else "yellow"
    place = f"{prefix}{issue.file}:{issue.line}:{issue.column}"
    head = f"[bold]{escape(place)}[/bold]: [{colour}]{issue.severity} {issue.code}[/{colour}] {escape(issue.title)}"
    quoted = _quoted(issue, text[issue.line - 1], colour) if 0 < issue.line <= len(text) else []
    told = [
        ("found", issue.found),
        ("expected", issue.expected),
        ("hint", issue.hint),
        ("disabled" if disables(issue) else "in", issue.rule),
    ]
    return "\n".join([head, *quoted, *(f"  {name + ':':<10}{escape(value)}" for name, value in told if value)])


def _quoted(issue: Issue, line: str, colour: str) -> list[str]:
    """The line and a caret under the place; of a long line only its surroundings."""
    first = max(issue.column - 1, 0)
    last = issue.end_column - 1 if issue.end_line == issue.line else len(line.rstrip())
    left = 0 if first < _WIDEST - 20 else first - 40
    shown = line[left : left + _WIDEST]
    gutter = f"{issue.line:>5} | "
    before = _width(shown[: first - left])
    under = max(_width(shown[first - left : max(last - left, 0)]), 1)
    caret = f"{' ' * (len(gutter) - 2)}| {' ' * before}[{colour}]{'^' * under}[/{colour}]"
    return [f"{gutter}{escape(_printable(shown))}", caret]


def _printable(text: str) -> str:
    expanded = text.replace("\t", " " * _TAB)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in expanded)


def _width(text: str) -> int:
    """Columns on a terminal: letters of East Asia take two, combining marks none."""
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if character == "\t":
        return _TAB
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def as_json(issues: Iterable[Issue], _files: Mapping[str, str], prefix: str = "") -> str:
    """A list of objects with all that is known of each issue."""
    listed = [{**asdict(issue), "file": f"{prefix}{issue.file}", "title": issue.title} for issue in issues]
    return json.dumps(listed, indent=2, ensure_ascii=True)


def as_github(issues: Iterable[Issue], _files: Mapping[str, str], prefix: str = "") -> str:
    """Workflow commands that GitHub shows beside the lines of a change."""
    return "\n".join(_annotation(issue, prefix) for issue in issues)


def _annotation(issue: Issue, prefix: str) -> str:
    parts = [f"found {issue.found}", f"expected {issue.expected}", *([issue.hint] if issue.hint else [])]
    place = f"file={_property(prefix + issue.file)},line={issue.line},col={issue.column}"
    if issue.end_line == issue.line:
        place += f",endColumn={issue.end_column}"
    title = _property(f"{issue.code} {issue.title}")
    return f"::{issue.severity} {place},title={title}::{_message('; '.join(parts))}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: Mapping[Format, Callable[[Iterable[Issue], Mapping[str, str], str], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
}
