"""What tells whether a part of standing is the same rule as before: a hash of all that can change its result.

Titles, descriptions, benefits and advice are not part of it.
"""

import hashlib
from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from engine.attributes.definition import AttributeDefinition
from engine.standing.definition import StandingRules
from engine.standing.order import conditions, dependencies
from engine.standing.uses import used_attributes

_IN_WORDS = {"title", "description", "unit", "advice", "benefits", "example"}


def digests(
    rules: StandingRules,
    attributes: Mapping[str, AttributeDefinition],
    words: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, str]:
    """The digest of each part (`tag NAME`, `segment NAME`, `stage`, `tier`, `rfm`), with those of what it names."""
    needs, own = dependencies(rules), _own(rules)
    texts = {part: _text(part, rules, own[part], attributes, words or {}) for part in needs}
    found: dict[str, str] = {}

    def of(part: str) -> str:
        if part not in found:
            found[part] = _hash([texts[part], *(of(each) for each in sorted(needs[part]))])
        return found[part]

    return {part: of(part) for part in needs}


def of_cut_offs(rules: StandingRules) -> frozenset[str]:
    """The parts that published cut-offs can change: tiers, RFM, and all that depends on them."""
    needs = dependencies(rules)
    found = {"tier", "rfm"} & needs.keys()
    while more := {part for part, named in needs.items() if part not in found and named & found}:
        found |= more
    return frozenset(found)


def _own(rules: StandingRules) -> dict[str, Sequence[BaseModel]]:
    own: dict[str, Sequence[BaseModel]] = {f"tag {tag.name}": (tag,) for tag in rules.tags}
    own |= {f"segment {segment.name}": (segment,) for segment in rules.segments}
    for part, model in (("stage", rules.lifecycle), ("tier", rules.tiers), ("rfm", rules.rfm)):
        if model is not None:
            own[part] = (model,)
    return own


def _text(
    part: str,
    rules: StandingRules,
    models: Sequence[BaseModel],
    attributes: Mapping[str, AttributeDefinition],
    words: Mapping[str, Sequence[str]],
) -> str:
    whens = conditions(rules)[part]
    only = {"tier": StandingRules(tiers=rules.tiers), "rfm": StandingRules(rfm=rules.rfm)}.get(part, StandingRules())
    used = used_attributes(only, whens, attributes)
    said = [_plain(model) for model in (*models, *(used[name] for name in sorted(used)))]
    if any(each.of.startswith("reviews") for each in used.values()):
        said.append(repr(sorted((name, tuple(each)) for name, each in words.items())))
    return "\n".join(said)


def _plain(model: BaseModel) -> str:
    return repr(_without_words(model.model_dump(mode="json")))


def _without_words(data: object) -> object:
    if isinstance(data, dict):
        return {name: _without_words(value) for name, value in sorted(data.items()) if name not in _IN_WORDS}
    if isinstance(data, list):
        return [_without_words(value) for value in data]
    return data


def _hash(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
