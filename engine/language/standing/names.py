"""The names of standing that conditions may use like attributes."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from engine.conditions.types import Type
from engine.language.issues import Report
from engine.language.located import Mapping as LocatedMapping
from engine.language.located import Scalar
from engine.language.scope import Names, Typed
from engine.standing.decide import STANDING_TYPES

RESERVED = tuple(STANDING_TYPES)
"""Names that no attribute may have."""
CHANGES = {"tag": "tags", "segment": "segments", "stage": "stage", "tier": "tier", "rfm_group": "rfm_group"}
"""What triggers call a part of standing, and its name in conditions."""
Trees = Mapping[str, Sequence[tuple[LocatedMapping, Report]]]


def standing_names(trees: Trees, unreadable: Collection[str] = ()) -> Names:
    """What conditions may name, from the names that are declared, whether sound or not.

    `tags` and `segments` always; `stage`, `tier` and those of RFM where they are declared. Of a kind of which a file is
    unreadable any name may be declared.
    """

    def named(kind: Type, title: str, code: str, path: tuple[str, ...]) -> Typed:
        choices = None if path[0] in unreadable else _keys(trees, *path)
        return Typed(kind, title, choices=choices, unlisted=code, of_standing=True)

    declared = {*(kind for kind, each in trees.items() if each), *unreadable}
    names = {
        "tags": named("set", "Tags: words that stick to the customer", "RG315", ("tags",)),
        "segments": named("set", "Segments that the customer is in", "RG316", ("segments",)),
    }
    if "lifecycle" in declared:
        names["stage"] = named("string", "The stage of the lifecycle", "RG317", ("lifecycle", "stages"))
    if "tiers" in declared:
        names["tier"] = named("string", "The tier", "RG318", ("tiers", "levels"))
        names["tier_ends_at"] = Typed("instant", "Until when a tier is kept that a review found lost", of_standing=True)
    if "rfm" in declared:
        names["rfm_group"] = named("string", "The RFM group", "RG319", ("rfm", "groups"))
        names |= _scores(trees)
    return names


def _scores(trees: Trees) -> dict[str, Typed]:
    titles = {"recency": "how lately", "frequency": "how often", "monetary": "how much"}
    most = _most(trees)
    return {
        f"rfm_{name}": Typed(
            "integer", f"RFM score: {title} the customer bought, 1 to {most}", within=(1, most), of_standing=True
        )
        for name, title in titles.items()
    }


def _most(trees: Trees) -> int:
    for tree, _ in trees.get("rfm", ()):
        inside = tree.get("rfm")
        scores = inside.get("scores") if isinstance(inside, LocatedMapping) else None
        if isinstance(scores, Scalar) and isinstance(scores.value, int) and 2 <= scores.value <= 10:
            return scores.value
    return 5


def _keys(trees: Trees, kind: str, *path: str) -> frozenset[str]:
    return frozenset(key for tree, _ in trees.get(kind, ()) for key in _inside(tree, (kind, *path)))


def _inside(tree: LocatedMapping, path: Iterable[str]) -> tuple[str, ...]:
    node: object = tree
    for part in path:
        node = node.get(part) if isinstance(node, LocatedMapping) else None
    return node.keys() if isinstance(node, LocatedMapping) else ()
