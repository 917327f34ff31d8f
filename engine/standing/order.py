"""In which order standing is decided: each part after those it names."""

from collections.abc import Mapping

from engine.conditions.ast import Compare, Condition, compares
from engine.standing.definition import StandingRules

OF_TIER = ("tier", "tier_ends_at")
OF_SCORES = ("rfm_recency", "rfm_frequency", "rfm_monetary")
OF_RFM = ("rfm_group", *OF_SCORES)


class CircleError(ValueError):
    """Parts of standing that depend on each other. `path` begins and ends with the same one."""

    def __init__(self, path: tuple[str, ...]) -> None:
        """Keeps the path beside the text."""
        self.path = path
        super().__init__(f"standing depends on itself: {' -> '.join(path)}")


UNNAMED = "when:"
"""Begins the name of a segment that the rules decide for a trigger `when` alone: no rule can name it."""


def conditions(rules: StandingRules) -> dict[str, tuple[Condition, ...]]:
    """The conditions of each part: `tag NAME`, `segment NAME`, `stage`, `tier`, `rfm`."""
    found: dict[str, tuple[Condition, ...]] = {}
    if rules.rfm is not None:
        found["rfm"] = (rules.rfm.base,)
    if rules.tiers is not None:
        found["tier"] = () if rules.tiers.base is None else (rules.tiers.base,)
    if rules.lifecycle is not None:
        found["stage"] = tuple(stage.when for stage in rules.lifecycle.stages)
    found |= {f"tag {tag.name}": (tag.when,) for tag in rules.tags}
    found |= {f"segment {segment.name}": (segment.when,) for segment in rules.segments}
    return found


def dependencies(rules: StandingRules) -> dict[str, frozenset[str]]:
    """The parts that each part names. One that names `tags` without saying which depends on every tag."""
    of = conditions(rules)
    return {
        part: frozenset(each for when in whens for test in compares(when) for each in named(test, of) if each in of)
        for part, whens in of.items()
    }


def dependency_order(rules: StandingRules) -> tuple[str, ...]:
    """All parts, each after those it depends on.

    Raises:
        CircleError: some depend on each other.
    """
    needs = dependencies(rules)
    placed: dict[str, None] = {}
    for part in needs:
        _place(part, needs, placed, ())
    return tuple(placed)


def _place(part: str, needs: Mapping[str, frozenset[str]], placed: dict[str, None], above: tuple[str, ...]) -> None:
    if part in above:
        raise CircleError((*above[above.index(part) :], part))
    if part not in placed:
        for each in sorted(needs[part]):
            _place(each, needs, placed, (*above, part))
        placed[part] = None


def named(test: Compare, parts: Mapping[str, object]) -> tuple[str, ...]:
    """The parts that a comparison names. `tags` or `segments` without saying which names all that have a name."""
    if test.name in ("tags", "segments"):
        kind = test.name.removesuffix("s")
        operands = test.operands or ((test.operand,) if isinstance(test.operand, str) else ())
        every = (part for part in parts if part.startswith(f"{kind} ") and UNNAMED not in part)
        return tuple(f"{kind} {name}" for name in operands) or tuple(every)
    return part_of_name(test.name)


def part_of_name(name: str) -> tuple[str, ...]:
    """The part that gives `stage`, a name of the tier or of RFM; none for another name."""
    if name in OF_RFM:
        return ("rfm",)
    if name in OF_TIER:
        return ("tier",)
    return ("stage",) if name == "stage" else ()
