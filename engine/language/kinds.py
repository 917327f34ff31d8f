"""Kinds of rule files: told by the key at the top of the file, or by where it lies."""

from collections.abc import Mapping as Dictionary

from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Mapping, Node, found

STANDING = ("tags", "segments", "lifecycle", "tiers", "rfm", "words")
KINDS = ("attributes", *STANDING, "coupons", "policy", "playbook", "campaign")
_PLACES: Dictionary[str, str] = {
    "attributes": "attributes",
    **{kind: kind for kind in STANDING},
    "coupons": "coupons",
    "policy": "policy",
    "playbooks/": "playbook",
    "campaigns/": "campaign",
}


def kind_of(tree: Node, path: str, report: Report) -> str | None:
    """Which kind of file a tree is; None and an issue if it is none that runs."""
    likely = kind_by_place(path)
    if not isinstance(tree, Mapping) or not tree.entries:
        expected = f"the key {likely}" if likely else f"one of the keys {one_of(KINDS, 12)}"
        report.error("RG213", tree.span, found(tree), expected)
        return None
    for entry in tree:
        if entry.key in KINDS:
            return entry.key
    if likely in ("playbook", "campaign"):
        return likely
    first = tree.entries[0]
    report.error("RG213", first.span, first.key, f"one of the keys {one_of(KINDS, 12)}", did_you_mean(first.key, KINDS))
    return None


def kind_by_place(path: str) -> str | None:
    """What kind of file should lie at a path."""
    return next((kind for start, kind in _PLACES.items() if path.startswith(start)), None)
