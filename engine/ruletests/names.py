"""The names that rules of standing declare, and the issue code of one that is none of them."""

from collections.abc import Mapping

from engine.language.rules import Rules

CODES: Mapping[str, str] = {
    "tags": "RG315",
    "segments": "RG316",
    "stage": "RG317",
    "tier": "RG318",
    "rfm_group": "RG319",
}


def known_names(what: str, rules: Rules) -> frozenset[str]:
    """All tags (also those given by hand), segments, stages, tiers or RFM groups."""
    standing = rules.standing
    match what:
        case "tags":
            return frozenset({tag.name for tag in standing.tags} | set(rules.hand_tags))
        case "segments":
            return frozenset(segment.name for segment in standing.segments)
        case "stage":
            return frozenset(stage.name for stage in (standing.lifecycle.stages if standing.lifecycle else ()))
        case "tier":
            return frozenset(tier.name for tier in (standing.tiers.tiers if standing.tiers else ()))
        case _:
            return frozenset(group.name for group in (standing.rfm.groups if standing.rfm else ()))
