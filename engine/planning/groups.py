"""The groups of a plan: each tag and segment, all stages, tiers and RFM groups that differ, with who moves."""

from collections.abc import Iterator, Mapping, Sequence

from engine.evaluation.processes import Progress
from engine.planning.compare import Comparison, Move, Sides
from engine.planning.examples import Examples
from engine.planning.report import Edited, Group, Line, Size
from engine.standing.definition import StandingRules
from engine.standing.order import dependencies

_KINDS = {"stage": "stage", "tier": "tier", "rfm": "rfm_group"}
TITLES = {"stage": "lifecycle", "tier": "tiers", "rfm_group": "RFM groups"}
Named = Mapping[str, str]


def groups(
    sides: Sides,
    found: Comparison,
    spend: Mapping[int, int],
    examples: Examples | None,
    progress: Progress,
) -> Iterator[Group]:
    """The groups in the order of kinds and then of the rules; `examples` None: of rules that are all new."""
    old, new = sides.old.rules.standing, sides.new.rules.standing
    ordered = list(_ordered(old, new, sides.parts))
    for done, part in enumerate(ordered):
        progress("examples", done, len(ordered))
        kind, names = _kind(part), {**_names(old, part), **_names(new, part)}
        moves = {move: ids for move, ids in found.moves.items() if move.kind == kind and _of(move, names)}
        yield Group(
            kind=kind,
            name=part.partition(" ")[2] or kind,
            title=TITLES.get(kind) or next(iter(names.values()), ""),
            edited=_edited(sides, part),
            sizes=tuple(
                Size(name, title, found.before[kind, name], found.after[kind, name]) for name, title in names.items()
            ),
            lines=tuple(_line(move, ids, found.customers, spend, examples) for move, ids in _sorted(moves)),
        )
    progress("examples", len(ordered), len(ordered))


def _ordered(old: StandingRules, new: StandingRules, parts: frozenset[str]) -> Iterator[str]:
    """The parts that differ: stage, tier and RFM first, then segments and tags as they are written."""
    written = dict.fromkeys(
        [
            *_KINDS,
            *(f"segment {each.name}" for rules in (new, old) for each in rules.segments),
            *(f"tag {each.name}" for rules in (new, old) for each in rules.tags),
        ]
    )
    yield from (part for part in written if part in parts)


def _kind(part: str) -> str:
    return _KINDS.get(part) or part.partition(" ")[0]


def _names(rules: StandingRules, part: str) -> Named:
    """Names and titles of what a part can give."""
    kind, _, name = part.partition(" ")
    match kind:
        case "stage":
            return {each.name: each.title for each in (rules.lifecycle.stages if rules.lifecycle else ())}
        case "tier":
            return {each.name: each.title for each in (rules.tiers.tiers if rules.tiers else ())}
        case "rfm":
            return {each.name: each.title for each in (rules.rfm.groups if rules.rfm else ())}
        case "tag":
            return {each.name: each.title for each in rules.tags if each.name == name}
        case _:
            return {each.name: each.title for each in rules.segments if each.name == name}


def _of(move: Move, names: Named) -> bool:
    return move.before in names or move.after in names


def _edited(sides: Sides, part: str) -> Edited:
    old, new = sides.old.rules, sides.new.rules
    before, after = dependencies(old.standing), dependencies(new.standing)
    if part not in before:
        return "new"
    if part not in after:
        return "removed"
    alone = [_alone(rules.standing, part) for rules in (old, new)]
    return "affected" if alone[0] == alone[1] else "edited"


def _alone(rules: StandingRules, part: str) -> object:
    kind, _, name = part.partition(" ")
    match kind:
        case "stage":
            return rules.lifecycle
        case "tier":
            return rules.tiers
        case "rfm":
            return rules.rfm
        case "tag":
            return next((each for each in rules.tags if each.name == name), None)
        case _:
            return next((each for each in rules.segments if each.name == name), None)


def _sorted(moves: Mapping[Move, Sequence[int]]) -> list[tuple[Move, Sequence[int]]]:
    """Who enters first, then who leaves; of stages and the like the most first."""
    return sorted(moves.items(), key=lambda each: (each[0].after is None, -len(each[1]), str(each[0])))


def _line(move: Move, ids: Sequence[int], customers: int, spend: Mapping[int, int], examples: Examples | None) -> Line:
    return Line(
        before=move.before,
        after=move.after,
        count=len(ids),
        share=len(ids) / customers if customers else 0.0,
        spend=sum(spend.get(each, 0) for each in ids),
        examples=() if examples is None else examples.of(move, ids),
    )
