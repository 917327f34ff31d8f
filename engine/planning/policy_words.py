"""Changes of the policy, said in words: `quiet hours: 21:00 to 08:00 → 22:00 to 08:00`."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter

from engine.conditions.ast import Condition
from engine.explain.words import length
from engine.language.words import condition as condition_words
from engine.policy import Cap, Capacity, Channel, Policy

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
_NOTHING = "none"


def policy_changes(old: Policy | None, new: Policy) -> Iterator[str]:
    """A line for each setting that differs; nothing where there was no policy before."""
    if old is None:
        return
    before, after = _said(old), _said(new)
    for name in dict.fromkeys((*before, *after)):
        was, becomes = before.get(name, _NOTHING), after.get(name, _NOTHING)
        if was != becomes:
            yield f"{name}: {was} → {becomes}"


def _said(policy: Policy) -> Mapping[str, str]:
    """Every setting in words, by its name."""
    return {
        "mode": policy.mode,
        "zone": policy.zone,
        "locale": policy.locale,
        "currency": policy.currency or "each shop's own",
        "test recipients": _counted(policy.test_recipients),
        "holdout": _percent(policy.holdout),
        "quiet hours": _quiet(policy),
        "priorities": _listed(policy.priorities),
        "weekdays": _listed(policy.weekdays) if policy.weekdays else "all",
        "holidays": _listed((*policy.holidays.countries, *policy.holidays.days)),
        "blackout": _listed([_times(each.first, each.last, each.purposes) for each in policy.blackout]),
        "business hours": _listed([f"{day} {opens}-{ends}" for day, (opens, ends) in policy.business_hours.items()]),
        "caps": _listed(list(map(_cap, policy.caps))),
        "holds": _listed([_hold(each) for each in policy.holds]),
        "publication": _publication(policy),
        "mass start": f"held above {policy.mass_start.above:,} journeys" if policy.mass_start else _NOTHING,
        "apply": f"number typed above {_percent(policy.apply.confirm_above)}" if policy.apply else _NOTHING,
        **_each("purpose", policy.purposes, lambda each: f"consent {each.consent}"),
        **_each("capacity", policy.capacities, _capacity),
        **_each("channel", policy.channels, _channel),
    }


def _each(kind: str, by_name: Mapping[str, Any], told: Callable[[Any], str]) -> dict[str, str]:
    return {f"{kind} {name}": told(each) for name, each in by_name.items()}


def _listed(names: Any) -> str:  # noqa: ANN401 -- any sequence of texts
    return ", ".join(names) or _NOTHING


def _counted(values: tuple[str, ...]) -> str:
    """How many, and which by a mark: they are addresses, which a report does not show."""
    if not values:
        return _NOTHING
    return f"{len(values)} ({hash_of(values)})"


def hash_of(values: tuple[str, ...]) -> str:
    """A short mark by which two lists differ."""
    return sha256("\0".join(values).encode()).hexdigest()[:6]


def _percent(points: int) -> str:
    return f"{points / 100:g}%"


def _quiet(policy: Policy) -> str:
    quiet = policy.quiet_hours
    if quiet is None:
        return _NOTHING
    spread = f", spread over {length(quiet.spread)}" if quiet.spread else ""
    exempt = f", not for {', '.join(quiet.exempt)}" if quiet.exempt else ""
    return f"{quiet.start} to {quiet.end}{spread}{exempt}"


def _times(first: str, last: str, purposes: tuple[str, ...]) -> str:
    return f"{first} to {last}{_for(purposes)}"


def _for(*names: tuple[str, ...]) -> str:
    told = [each for group in names for each in group]
    return f" for {', '.join(told)}" if told else ""


def _cap(cap: Cap) -> str:
    more = "waits" if cap.do == "delay" else "is skipped"
    return f"{cap.at_most} in {length(cap.per)}{_for(cap.purposes, cap.channels)}, more {more}"


def _capacity(each: Capacity) -> str:
    rates = [
        f"{rate:,} {unit}" for rate, unit in ((each.per_hour, "an hour"), (each.per_day, "a day")) if rate is not None
    ]
    return f"{' and '.join(rates) or 'unbounded'}{_for(each.purposes, each.channels, each.playbooks)}"


def _channel(each: Channel) -> str:
    limit = f", {each.limit.count} in {length(each.limit.seconds)} (burst {each.limit.burst})" if each.limit else ""
    sender = f" from {each.sender}" if each.sender else ""
    request = f", request {hash_of((each.request.model_dump_json(),))}" if each.request else ""
    return f"{each.provider}{sender}, by {each.address}, as {each.form}, in doubt {each.in_doubt}{limit}{request}"


def _hold(each: Any) -> str:  # noqa: ANN401 -- a hold of the policy
    asked = condition_words(_CONDITION.validate_python(each.condition))
    return f"while {asked}: {each.do}{_for(each.purposes)}"


def _publication(policy: Policy) -> str:
    each = policy.publication
    return _NOTHING if each is None else f"every {each.every}, day {each.day}, at {each.at}"
