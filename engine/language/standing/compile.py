"""All of standing together: sound rules in an order in which each is decided after what it uses."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from engine.language.issues import Report
from engine.language.located import Mapping, Node, Scalar, Sequence
from engine.language.scope import Scope
from engine.language.standing.lifecycle import compile_lifecycle
from engine.language.standing.named import compile_segments, compile_tags
from engine.language.standing.names import Trees
from engine.language.standing.parts import Part, part_of
from engine.language.standing.rfm import compile_rfm
from engine.language.standing.tiers import compile_tiers
from engine.language.standing.words import check_keywords
from engine.standing.definition import Lifecycle, Rfm, SegmentRule, StandingRules, TagRule, Tiers
from engine.standing.order import OF_RFM, OF_TIER, CircleError, dependency_order

_ALONE = {"lifecycle": compile_lifecycle, "tiers": compile_tiers}
_OF_FILE = {"tags": "tag", "segments": "segment", "lifecycle": "stage", "tiers": "tier", "rfm": "rfm"}
_SETS = {"tags": "tag", "segments": "segment", "tag": "tag", "segment": "segment"}
_TOLD = {"stage": "stage", **dict.fromkeys(OF_TIER, "tier"), **dict.fromkeys(OF_RFM, "rfm")}


@dataclass(slots=True)
class Compiled:
    """Standing as compiled. `parts` are all that are declared, sound or not, by name."""

    rules: StandingRules = field(default_factory=StandingRules)
    parts: dict[str, Part] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    """Kinds of parts of which a file could not be read."""

    def disables(self, name: str) -> bool:
        """Whether a part has, or may have, errors, or depends on one that has."""
        return (name in self.parts and not self.parts[name].sound) or name.split(maxsplit=1)[0] in self.lost

    def settle(self) -> None:
        """Takes the sound rules, in the order in which they are decided."""
        disable_dependents(self)
        rules = _rules(self)
        self.rules = rules.model_copy(update={"order": dependency_order(rules)})

    @property
    def broken(self) -> frozenset[str]:
        """Names of parts with errors, or that depend on one with errors."""
        return frozenset(name for name, part in self.parts.items() if not part.sound)


def compile_standing(
    trees: Trees,
    scope: Scope,
    currency: str | None,
    words: frozenset[str] | None,
    unreadable: Collection[str] = (),
) -> Compiled:
    """Compiles tags, segments, lifecycle, tiers and RFM.

    Args:
        trees: Located trees and their reports by kind of file.
        scope: Names that conditions may use, those of standing among them.
        currency: The reporting currency.
        words: Names of word lists; None if they are not all known.
        unreadable: Kinds of which a file could not be read.
    """
    compiled = Compiled(lost=frozenset(part for kind, part in _OF_FILE.items() if kind in unreadable))
    for part in _read(trees, scope, currency):
        _enter(part, compiled.parts)
    for part in compiled.parts.values():
        _check_words(part, words)
    disable_dependents(compiled)
    while circle := _circle(compiled):
        _report_circle(circle, compiled)
        disable_dependents(compiled)
    compiled.settle()
    return compiled


def _read(trees: Trees, scope: Scope, currency: str | None) -> Iterable[Part]:
    for tree, report in trees.get("tags", ()):
        yield from compile_tags(tree, scope, report)
    for tree, report in trees.get("segments", ()):
        yield from compile_segments(tree, scope, report)
    for kind, read in _ALONE.items():
        for tree, report in trees.get(kind, ()):
            yield read(tree, scope, report)
    for tree, report in trees.get("rfm", ()):
        yield compile_rfm(tree, scope, currency, report)


def _check_words(part: Part, words: frozenset[str] | None) -> None:
    before = part.report.faults
    with part_of(part.report, part.called):
        for ask in part.asks if words is not None else ():
            check_keywords(ask, words or frozenset(), part.report)
    if part.report.faults > before:
        part.rule, part.sound = None, False


def _enter(part: Part, parts: dict[str, Part]) -> None:
    """Of two with one name neither counts: nobody knows which was meant."""
    first = parts.get(part.name)
    if first is None:
        parts[part.name] = part
        return
    hint = f"it is first given in {first.report.file}:{first.at.line}"
    with part_of(part.report, part.called):
        part.report.error("RG309", part.at, part.called, f"each {part.name.split()[0]} once", hint)
    first.rule, first.sound = None, False


def _rules(compiled: Compiled) -> StandingRules:
    sound = [part.rule for part in compiled.parts.values() if part.sound]
    return StandingRules(
        tags=tuple(rule for rule in sound if isinstance(rule, TagRule)),
        segments=tuple(rule for rule in sound if isinstance(rule, SegmentRule)),
        lifecycle=next((rule for rule in sound if isinstance(rule, Lifecycle)), None),
        tiers=next((rule for rule in sound if isinstance(rule, Tiers)), None),
        rfm=next((rule for rule in sound if isinstance(rule, Rfm)), None),
    )


def disable_dependents(compiled: Compiled) -> None:
    """What names a part with errors is disabled with it."""
    changed = True
    while changed:
        changed = False
        for part in compiled.parts.values():
            if part.sound and (uses := [use for ask in part.asks for use in uses_of(ask) if compiled.disables(use[0])]):
                _disable(part, uses)
                changed = True


def _disable(part: Part, uses: list[tuple[str, Node]]) -> None:
    with part_of(part.report, part.called):
        warn_of(uses, part.report)
    part.rule, part.sound = None, False


def warn_of(uses: Iterable[tuple[str, Node]], report: Report) -> None:
    """That a rule is disabled because it names one with errors."""
    for name, node in uses:
        report.warning("RG313", node.span, name, "a sound rule", "correct it first: it has errors of its own")


def uses_of(node: Node) -> Iterable[tuple[str, Node]]:
    """The parts of standing that a condition or a playbook names, each with its place."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from uses_of(item)
    for entry in node if isinstance(node, Mapping) else ():
        if entry.key in _SETS:
            for scalar in _scalars(entry.value):
                yield f"{_SETS[entry.key]} {scalar.text}", scalar
        elif entry.key in _TOLD:
            yield _TOLD[entry.key], Scalar(entry.span, entry.key, entry.key)
        elif entry.key not in ("did", "did_not"):
            yield from uses_of(entry.value)


def _scalars(node: Node) -> Iterable[Scalar]:
    match node:
        case Scalar():
            yield node
        case Sequence(items=items):
            for item in items:
                yield from _scalars(item)
        case Mapping():
            for entry in node:
                yield from _scalars(entry.value)


def _circle(compiled: Compiled) -> tuple[str, ...]:
    try:
        dependency_order(_rules(compiled))
    except CircleError as error:
        return error.path
    return ()


def _report_circle(circle: tuple[str, ...], compiled: Compiled) -> None:
    """Told once, at its first part; all of its parts are disabled."""
    members = [compiled.parts[name] for name in dict.fromkeys(circle)]
    first = min(members, key=lambda part: (part.report.file, part.at.line))
    start = circle.index(first.name)
    way = [*circle[start:-1], *circle[:start], first.name] if start else list(circle)
    place = next((node.span for ask in first.asks for name, node in uses_of(ask) if name == way[1]), first.at)
    with part_of(first.report, first.called):
        first.report.error("RG312", place, " → ".join(way), "rules that do not depend on themselves")
    for part in members:
        part.rule, part.sound = None, False


def hand_tags(trees: Trees, compiled: Compiled) -> dict[str, str]:
    """Titles of the sound tags that have no condition, by name."""
    tags: dict[str, str] = {}
    for tree, _ in trees.get("tags", ()):
        listed = tree.get("tags")
        for entry in listed if isinstance(listed, Mapping) else ():
            part = compiled.parts.get(f"tag {entry.key}")
            title = entry.value.get("title") if isinstance(entry.value, Mapping) else None
            if part is not None and part.sound and part.rule is None and isinstance(title, Scalar):
                tags[entry.key] = title.text
    return tags
