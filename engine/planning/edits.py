"""What is written otherwise beside standing: playbooks, campaigns, attributes, coupon pools, activities, templates."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from engine.diagram.words import starts_of
from engine.journeys.campaign import Campaign
from engine.journeys.plan import Plan
from engine.language.issues import one_of
from engine.language.rules import Rules
from engine.planning.report import Edit, Edited

_NONE: Mapping[str, Any] = {}
_SECTIONS = ("title", "start", "stop", "goal")
_CAMPAIGN = ("title", "audience", "freeze", "drop_when", "controls")


def edits(old: Rules | None, new: Rules) -> Iterator[Edit]:
    """All edits, by kind and then by name."""
    yield from _models("playbook", old.plans if old else _NONE, new.plans, _of_playbook)
    yield from _models("campaign", old.campaigns if old else _NONE, new.campaigns, _of_campaign)
    yield from _models("attribute", old.catalogue if old else _NONE, new.catalogue, lambda _old, _new: ())
    yield from _models("coupon pool", _known(old.pools) if old else _NONE, _known(new.pools), lambda _old, _new: ())
    yield from _models("word list", old.words if old else _NONE, new.words, lambda _old, _new: ())
    own = old.own.by_name if old else _NONE
    yield from _models("activity", own, new.own.by_name, lambda _old, _new: ())
    yield from _models("template", _templates(old), _templates(new), _of_template)


def _models(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], told: Callable[[Any, Any], tuple[str, ...]]
) -> Iterator[Edit]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if _plain(before) != _plain(after):
            title = getattr(after if after is not None else before, "title", "")
            what = told(before, after) if before is not None and after is not None else ()
            yield Edit(kind, name, str(title), _edited(before, after), what)


def _edited(before: object, after: object) -> Edited:
    if before is None:
        return "new"
    return "removed" if after is None else "edited"


def _plain(model: object) -> object:
    """Without the version, which all of them bear."""
    if isinstance(model, Plan | Campaign):
        return model.model_copy(update={"version": ""})
    return model


def _known(pools: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: pool for name, pool in pools.items() if pool is not None}


# --- playbooks and campaigns --------------------------------------------------------------------------------------


def _of_playbook(old: Plan, new: Plan) -> tuple[str, ...]:
    found = [f"status {old.status} → {new.status}"] if old.status != new.status else []
    found += [f"{name} edited" for name in _SECTIONS if name != "start" and getattr(old, name) != getattr(new, name)]
    if old.start != new.start:
        before, after = ("; ".join(starts_of(plan)) for plan in (old, new))
        found.append(f"starts by {before} → {after}" if before != after else "conditions of its start edited")
    found += _controls(old, new)
    return (*found, *_steps(old, new))


def _controls(old: Plan | Campaign, new: Plan | Campaign) -> list[str]:
    before, after = old.controls.model_dump(), new.controls.model_dump()
    names = (name for name in after if before[name] != after[name])
    return [f"{name.replace('_', ' ')} {_control(name, before)} → {_control(name, after)}" for name in names]


def _control(name: str, controls: Mapping[str, Any]) -> str:
    return f"{controls[name] / 100:g}%" if name == "holdout" else str(controls[name])


def _steps(old: Plan, new: Plan) -> Iterator[str]:
    """By their ids; where only the way between them differs, that is said."""
    if old.code == new.code:
        return
    before, after = ({step.id: step for step in plan.code} for plan in (old, new))
    for word, names in (
        ("new", [name for name in after if name not in before]),
        ("removed", [name for name in before if name not in after]),
        ("edited", [name for name in after if name in before and _step(before[name]) != _step(after[name])]),
    ):
        if names:
            yield f"{word} step{'' if len(names) == 1 else 's'} {one_of(names, 8).replace(' or ', ' and ')}"
    if [step.id for step in old.code] != [step.id for step in new.code] and before.keys() == after.keys():
        yield "steps in another order"


_PLACES = {"orelse", "got", "to", "join", "branches", "last", "repeat", "on_failure", "skip_to"}


def _step(step: BaseModel) -> dict[str, Any]:
    """What a step says, without the places that it leads to: these move with every step before."""
    return {name: value for name, value in step.model_dump(mode="json").items() if name not in _PLACES}


def _of_campaign(old: Campaign, new: Campaign) -> tuple[str, ...]:
    found = [f"status {old.status} → {new.status}"] if old.status != new.status else []
    found += [f"{name.replace('_', ' ')} edited" for name in _CAMPAIGN if getattr(old, name) != getattr(new, name)]
    waves = [wave.id for wave in new.waves if wave not in old.waves]
    waves += [wave.id for wave in old.waves if wave.id not in {each.id for each in new.waves}]
    return (*found, *([f"waves {', '.join(waves)}"] if waves else []))


# --- templates ----------------------------------------------------------------------------------------------------


class _Template(dict[str, str]):
    """The texts of one template, by the rest of their paths: locale and form."""


def _templates(rules: Rules | None) -> Mapping[str, _Template]:
    found: dict[str, _Template] = {}
    for path, text in (rules.templates if rules else {}).items():
        name, _, rest = path.partition(".")
        found.setdefault(name, _Template())[rest] = text
    return found


def _of_template(old: _Template, new: _Template) -> tuple[str, ...]:
    return (", ".join(sorted(each for each in old.keys() | new.keys() if old.get(each) != new.get(each))),)
