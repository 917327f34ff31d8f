"""What tests found, as text for people and JSON for machines."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from rich.markup import escape

from engine.language.issues import Issue
from engine.ruletests.case import Difference, Line, Outcome
from engine.ruletests.coverage import Coverage, Covered
from engine.ruletests.way_coverage import CoveredWay

_CROSS = "\N{BALLOT X}"


def failures_text(outcomes: Iterable[Outcome], prefix: str = "") -> str:
    """One paragraph for each test that failed; Rich's markup gives it colour.

    Args:
        outcomes: of all tests.
        prefix: put before each path: the rules directory as seen from where people are.
    """
    return "\n\n".join(_paragraph(each, prefix) for each in outcomes if not each.passed)


def difference_lines(difference: Difference) -> list[str]:
    """What was expected, what was found and why, in aligned lines; of a journey both side by side."""
    if difference.table:
        return [f"  {difference.what}", *_side_by_side(difference.table)]
    return [
        f"  {difference.what}",
        f"    expected  {difference.expected}",
        f"    found     {difference.found}",
        *(f"    {'why' if place == 0 else '':<10}{line}" for place, line in enumerate(difference.why)),
    ]


def _side_by_side(table: Sequence[Line]) -> Iterator[str]:
    width = max(len("expected"), *(len(line.expected) for line in table))
    yield f"    {'expected':<{width}}    found"
    for line in table:
        yield f"    {line.expected:<{width}}  {' ' if line.same else _CROSS} {line.found}".rstrip()


def _paragraph(outcome: Outcome, prefix: str) -> str:
    at = outcome.differences[0].at if len(outcome.differences) == 1 else outcome.case.span
    place = f"{prefix}{outcome.case.file}:{at.line}:{at.column}"
    lines = [line for each in outcome.differences for line in difference_lines(each)]
    head = f"[bold]{escape(place)}[/bold]: [red]failed[/red] {escape(outcome.case.name)}"
    return "\n".join([head, *map(escape, lines)])


def summary(outcomes: Sequence[Outcome], issues: Sequence[Issue]) -> str:
    """`12 passed`, `1 failed, 11 passed`."""
    failed = sum(not each.passed for each in outcomes)
    mistakes = sum(issue.severity == "error" for issue in issues)
    parts = [f"{failed} failed"] if failed else []
    parts += [f"{mistakes} mistake{'' if mistakes == 1 else 's'} in test files"] if mistakes else []
    return ", ".join([*parts, f"{len(outcomes) - failed} passed"])


def coverage_text(found: Coverage, prefix: str = "") -> str:
    """A table of files, and each clause that was not decided both ways."""
    files = found.by_file()
    width = max((len(prefix + file) for file in files), default=0)
    lines = [f"{'clauses decided both ways':<{width}}  clauses  both   share"] if files else []
    for file, each in files.items():
        part = Coverage(each)
        lines.append(f"{prefix + file:<{width}}  {len(each):>7}  {part.both:>4}  {_percent(part)}")
        lines += [
            f"  {prefix}{one.file}:{one.line} {one.clause.rule}: {one.text}: {one.missing}"
            for one in each
            if not one.both
        ]
    total = f"{'all':<{width}}  {len(found.clauses):>7}  {found.both:>4}  {_percent(found)}"
    return "\n".join([*lines, total])


def ways_text(found: Coverage, prefix: str = "") -> str:
    """A table of playbooks, and each way that no test took."""
    files: dict[str, list[CoveredWay]] = {}
    for each in found.ways:
        files.setdefault(each.file, []).append(each)
    width = max((len(prefix + file) for file in files), default=0)
    lines = [f"{'ways through playbooks':<{width}}     ways taken   share"] if files else []
    for file, ways in files.items():
        part = Coverage((), tuple(ways))
        lines.append(f"{prefix + file:<{width}}  {len(ways):>7} {part.taken:>5}  {_share(part.hundredths_of_ways)}")
        lines += [f"  {prefix}{one.file}:{one.line} {one.text}" for one in ways if not one.taken]
    total = f"{'all':<{width}}  {len(found.ways):>7} {found.taken:>5}  {_share(found.hundredths_of_ways)}"
    return "\n".join([*lines, total])


def _percent(found: Coverage) -> str:
    return _share(found.hundredths)


def _share(hundredths: int) -> str:
    return f"{hundredths // 100:>3}.{hundredths % 100 // 10} %"


def as_json(outcomes: Sequence[Outcome], issues: Sequence[Issue], found: Coverage, prefix: str = "") -> str:
    """An object with tests, mistakes in test files, and coverage."""
    return json.dumps(
        {
            "tests": [_test(each, prefix) for each in outcomes],
            "issues": [{**asdict(each), "file": f"{prefix}{each.file}", "title": each.title} for each in issues],
            "coverage": {
                "clauses": len(found.clauses),
                "both_ways": found.both,
                "undecided": [_clause(each, prefix) for each in found.clauses if not each.both],
                "ways": len(found.ways),
                "taken": found.taken,
                "untaken": [_way(each, prefix) for each in found.ways if not each.taken],
            },
        },
        indent=2,
    )


def _test(outcome: Outcome, prefix: str) -> dict[str, object]:
    case = outcome.case
    return {
        "name": case.name,
        "file": f"{prefix}{case.file}",
        "line": case.span.line,
        "passed": outcome.passed,
        "differences": [
            {
                "what": each.what,
                "line": each.at.line,
                "column": each.at.column,
                "expected": each.expected,
                "found": each.found,
                "why": list(each.why),
            }
            for each in outcome.differences
        ],
    }


def _clause(covered: Covered, prefix: str) -> dict[str, object]:
    return {
        "file": f"{prefix}{covered.file}",
        "line": covered.line,
        "rule": covered.clause.rule,
        "clause": covered.text,
        "missing": covered.missing,
    }


def _way(covered: CoveredWay, prefix: str) -> dict[str, object]:
    return {
        "file": f"{prefix}{covered.file}",
        "line": covered.line,
        "playbook": covered.playbook,
        "step": covered.way.step,
        "way": covered.way.way,
    }
