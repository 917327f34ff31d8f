"""What is wrong with standing as a whole although each rule is sound."""

from collections.abc import Iterable

from engine.language.issues import Span
from engine.language.located import Mapping, Node
from engine.language.scope import Names
from engine.language.sense.stages import Example, overlaps, uncovered
from engine.language.standing.compile import Compiled, uses_of
from engine.language.standing.names import Trees
from engine.language.standing.parts import Part, part_of
from engine.standing.definition import Lifecycle

_MOST = 5


def check_lifecycle(compiled: Compiled, trees: Trees, names: Names) -> None:
    """Stages that overlap and customers in no stage: errors where it is certain, else warnings."""
    part = compiled.parts.get("stage")
    if part is None or not isinstance(part.rule, Lifecycle):
        return
    stages = {stage.name: stage.when for stage in part.rule.stages}
    places = _places(trees)
    with part_of(part.report, part.called):
        for example in list(overlaps(stages, names))[:_MOST]:
            found = f"{example.stages[0]} and {example.stages[1]}: {example.words}"
            at = places.get(example.stages[1], part.at)
            _tell("RG703", at, found, "each customer in one stage", example, part)
        if lost := uncovered(stages, names):
            _tell("RG704", part.at, f"in no stage: {lost.words}", "each customer in one stage", lost, part)
    if part.report.faults and any(_is_of(part, code) for code in ("RG703", "RG704")):
        part.rule, part.sound = None, False


def _is_of(part: Part, code: str) -> bool:
    return any(
        issue.code == code and issue.severity == "error" for issue in part.report.issues if issue.rule == part.called
    )


def _tell(code: str, at: Span, found: str, expected: str, example: Example, part: Part) -> None:
    if example.certain:
        part.report.error(code, at, found, expected)
    else:
        hint = "if no customer can have these values together, nothing need be done"
        part.report.warning(code, at, found, expected, hint)


def _places(trees: Trees) -> dict[str, Span]:
    places: dict[str, Span] = {}
    for tree, _ in trees.get("lifecycle", ()):
        inside = tree.get("lifecycle")
        stages = inside.get("stages") if isinstance(inside, Mapping) else None
        for entry in stages if isinstance(stages, Mapping) else ():
            places.setdefault(entry.key, entry.span)
    return places


def check_unused(compiled: Compiled, trees: Trees, told: Iterable[str]) -> None:
    """Segments that nothing names, told once for each file.

    Args:
        compiled: All of standing.
        trees: All files by kind.
        told: Texts in which names can stand too: templates.
    """
    used = {name for kind in trees for tree, _ in trees[kind] for name, _ in _uses(tree)}
    texts = list(told)
    for tree, report in trees.get("segments", ()):
        segments = None if tree.entry("used_by") else tree.get("segments")
        idle = [
            entry
            for entry in (segments if isinstance(segments, Mapping) else ())
            if _is_idle(f"segment {entry.key}", entry.value, compiled, used)
            and not any(entry.key in text for text in texts)
        ]
        if idle:
            listed = ", ".join(entry.key for entry in idle[:_MOST]) + (
                f" and {len(idle) - _MOST} more" if idle[_MOST:] else ""
            )
            hint = "remove it, or say who uses it besides rules: used_by: reports"
            report.warning("RG705", idle[0].span, listed, "a segment that a rule, playbook or template names", hint)


def _is_idle(name: str, node: Node, compiled: Compiled, used: set[str]) -> bool:
    part = compiled.parts.get(name)
    by_people = isinstance(node, Mapping) and node.entry("used_by") is not None
    return part is not None and part.sound and name not in used and not by_people


def _uses(tree: Mapping) -> Iterable[tuple[str, Node]]:
    """What a file names; the names that it gives are not uses."""
    for entry in tree:
        inner = entry.value
        if entry.key in ("tags", "segments") and isinstance(inner, Mapping):
            for each in inner:
                yield from uses_of(each.value)
        else:
            yield from uses_of(Mapping(tree.span, (entry,)))
