"""Issues: what is wrong with the rules, where, and what to write instead.

Codes are stable: scripts and people look them up in `docs/errors.md`.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]

TITLES: dict[str, str] = {
    # the text of a file
    "RG101": "not UTF-8 text",
    "RG102": "control character",
    "RG103": "not valid YAML",
    "RG104": "file too large",
    "RG105": "nested too deep",
    "RG106": "anchors and aliases are not used in rules",
    "RG107": "tags are not used in rules",
    "RG108": "more than one document in a file",
    "RG109": "key given twice",
    "RG110": "key is not plain text",
    "RG111": "too many mistakes to show",
    # its shape
    "RG201": "unknown key",
    "RG202": "missing key",
    "RG203": "wrong kind of value",
    "RG204": "not one of the allowed values",
    "RG205": "not a duration",
    "RG206": "not an amount of money",
    "RG207": "not a time of day",
    "RG208": "not a usable name",
    "RG209": "number out of range",
    "RG210": "exactly one is needed",
    "RG211": "empty",
    "RG212": "unknown zone, country, locale or currency",
    "RG213": "unknown kind of file",
    # names
    "RG301": "unknown attribute",
    "RG302": "unknown event",
    "RG303": "unknown field",
    "RG304": "unknown relation",
    "RG305": "unknown channel",
    "RG306": "unknown template",
    "RG307": "unknown purpose",
    "RG308": "unknown step",
    "RG309": "name given twice",
    "RG310": "reserved name",
    "RG311": "scope not available here",
    "RG312": "rules depend on each other in a circle",
    "RG313": "depends on a rule that has errors",
    "RG314": "event never concerns the subject",
    "RG315": "unknown tag",
    "RG316": "unknown segment",
    "RG317": "unknown stage",
    "RG318": "unknown tier",
    "RG319": "unknown RFM group",
    "RG320": "unknown benefit",
    "RG321": "unknown word list",
    "RG322": "unknown playbook",
    "RG323": "unknown activity",
    "RG324": "activities that cannot be used",
    "RG325": "unknown pool of coupons",
    "RG326": "playbook for another subject",
    "RG327": "playbooks start each other in a circle",
    # types
    "RG401": "type mismatch",
    "RG402": "operator does not fit the type",
    "RG403": "aggregation does not give the declared type",
    "RG404": "field does not fit the aggregation",
    "RG405": "currency given twice",
    # flow
    "RG501": "not yet runnable",
    "RG502": "unreachable step",
    "RG503": "loop without a wait",
    "RG504": "no such move",
    "RG505": "step without an id",
    # sense
    "RG701": "can never hold",
    "RG702": "always holds",
    "RG703": "stages overlap",
    "RG704": "customers without a place",
    "RG705": "used by nothing",
    "RG709": "never open",
    # templates
    "RG801": "template not usable",
    "RG802": "template names what its subject does not have",
    "RG803": "request of a channel not usable",
    # a mapping for import
    "RG601": "no such file in the source",
    "RG602": "no such column in the file",
    "RG603": "relation lacks a field it needs",
    "RG604": "field cannot be filled so",
    "RG605": "template not closed",
}


MOST_SHOWN = 200
"""Issues of one file: whoever has more is helped by the first ones."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a file: 1-based lines and columns, counted in characters; the end is exclusive."""

    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with the rules."""

    code: str
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    found: str
    expected: str
    hint: str = ""
    rule: str = ""
    """The rule that is disabled by it, e.g. `playbook win-back`."""
    severity: Severity = "error"

    @property
    def title(self) -> str:
        """What the code means, in a few words."""
        return TITLES[self.code]

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """How issues are sorted: file, place, code."""
        return (self.file, self.line, self.column, self.code, self.found)


@dataclass(slots=True)
class Report:
    """Collects the issues of one file while it is read."""

    file: str
    rule: str = ""
    issues: list[Issue] = field(default_factory=list)
    faults: int = 0
    """How many issues so far disable a rule, shown or not: comparing two counts tells whether a part is sound.

    What depends on a faulty rule is disabled with it, but only warned about: the error is the other rule's.
    """

    def error(self, code: str, at: Span, found: str, expected: str, hint: str = "") -> None:
        """Adds an error: the rule it is in will be disabled."""
        self._add(code, at, found, expected, hint, "error")

    def warning(self, code: str, at: Span, found: str, expected: str, hint: str = "") -> None:
        """Adds a warning: `check` still succeeds."""
        self._add(code, at, found, expected, hint, "warning")

    def _add(self, code: str, at: Span, found: str, expected: str, hint: str, severity: Severity) -> None:
        self.faults += severity == "error" or code == "RG313"
        if len(self.issues) > MOST_SHOWN:
            return
        if len(self.issues) == MOST_SHOWN:
            code, found, expected = (
                "RG111",
                f"more than {MOST_SHOWN} mistakes",
                "fewer: the file may be of another kind",
            )
            hint, severity = "correct these first", "error"
        self.issues.append(
            Issue(
                code=code,
                file=self.file,
                line=at.line,
                column=at.column,
                end_line=at.end_line,
                end_column=at.end_column,
                found=shorten(found),
                expected=expected,
                hint=hint,
                rule=self.rule,
                severity=severity,
            )
        )


def disables(issue: Issue) -> bool:
    """Whether the rule that an issue is in does not run because of it."""
    return issue.severity == "error" or issue.code == "RG313"


def ordered(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """Issues by file and place, each once."""
    return tuple(sorted(dict.fromkeys(issues), key=lambda issue: issue.order))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean spend_24mo?`, or nothing if no known word is close."""
    close = closest(word, known)
    return f"did you mean {close}?" if close else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one."""
    by_folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold()[:80], by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def one_of(names: Iterable[str], limit: int = 8) -> str:
    """`a, b or c`; long lists are cut."""
    listed = list(names)
    if len(listed) > limit:
        return ", ".join(listed[:limit]) + f", … ({len(listed)} in all)"
    if len(listed) < 2:
        return "".join(listed)
    return ", ".join(listed[:-1]) + " or " + listed[-1]


def shorten(text: str, limit: int = 80) -> str:
    """Text fit for one line of an issue: no line breaks or control characters, and not too long."""
    flat = "".join(character if character.isprintable() else " " for character in text[: limit + 1])
    shown = flat if len(flat) <= limit else flat[: limit - 1] + "…"
    return shown if shown.strip() else "text of invisible characters"
