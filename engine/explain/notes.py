"""What a rule's condition alone does not tell: given by hand, expired, kept until the review, another stage first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.conditions.trace import Trace
from engine.explain.subject import Subject
from engine.explain.words import length
from engine.standing.cut_offs import MeasureCutOffs
from engine.standing.review import Reviews

if TYPE_CHECKING:
    from engine.explain.prove import Prover


def notes_of(prover: "Prover", subject: Subject, traced: Trace | None) -> tuple[str, ...]:
    """Notes on one rule of standing, each a sentence."""
    match subject.kind:
        case "tag":
            return tuple(_tag(prover, subject.name, traced))
        case "stage":
            return tuple(_stage(prover, subject.name, traced))
        case "tier":
            return tuple(_tier(prover, subject.name, traced))
        case "rfm_group":
            return tuple(_rfm(prover))
        case _:
            return ()


def _tag(prover: "Prover", name: str, traced: Trace | None) -> Iterator[str]:
    case, wording = prover.case, prover.wording
    for given in case.hand_tags:
        tag = given.tag
        if tag.tag != name or tag.at > case.at:
            continue
        until = "" if tag.expires_at is None else f", until {wording.instant(tag.expires_at)}"
        said = f"by hand by {given.author} at {wording.instant(tag.at)}{until}"
        if tag.holds(case.at):
            yield f"given {said}"
        elif tag.removed_at is not None and tag.removed_at <= case.at:
            yield f"was given {said}, and taken away at {wording.instant(tag.removed_at)}"
        else:
            yield f"was given {said}, and has expired"
    rule = next((each for each in prover.rules.standing.tags if each.name == name), None)
    if rule is None:
        yield "is given by hand or by playbooks only: no condition gives it"
    elif rule.expires is not None and traced is not None and traced.verdict:
        since = prover.standing.given.get(name, case.at)
        ends = since + rule.expires * 1_000_000
        spent = ends <= case.at
        yield (
            f"its condition holds since {wording.instant(since)}; it {'expired' if spent else 'expires'} "
            f"{length(rule.expires)} later, at {wording.instant(ends)}"
        )


def _stage(prover: "Prover", name: str, traced: Trace | None) -> Iterator[str]:
    held = prover.standing.stage
    if held != name:
        yield "the customer is in no stage" if held is None else f"the customer is in the stage {held}"
        if traced is not None and traced.verdict:
            yield "its condition holds too, but the stage that comes first in the rules counts"


def _tier(prover: "Prover", name: str, traced: Trace | None) -> Iterator[str]:
    case, wording, standing = prover.case, prover.wording, prover.standing
    tiers = prover.rules.standing.tiers
    if tiers is None:
        return
    if case.cut_offs is None or case.cut_offs.tiers is None:
        yield "no cut-offs are published yet: `regulars evaluate` does it"
        return
    value = wording.named(tiers.rank_by, prover.values.get(tiers.rank_by))
    kind = wording.types.get(tiers.rank_by)
    begins = [
        f"{tier.name} from {wording.value(at, kind)}"
        for tier, at in zip(tiers.tiers, case.cut_offs.tiers, strict=False)
        if at is not None
    ]
    yield f"ranked by {tiers.rank_by}, which is {value}; {', '.join(begins)}; all others {tiers.tiers[-1].name}"
    if standing.tier != name and standing.tier is not None:
        yield f"the customer is in the tier {standing.tier}"
    if standing.tier == name and traced is not None and not traced.verdict:
        if standing.tier_ends_at is not None:
            yield f"the review found it lost; it is kept until {wording.instant(standing.tier_ends_at)}"
        else:
            _, review = Reviews(tiers.review, prover.rules.policy.zone).around(case.at)
            yield f"the rank alone would not give it any more; it is kept until the review at {wording.instant(review)}"


def _rfm(prover: "Prover") -> Iterator[str]:
    rfm, case, wording = prover.rules.standing.rfm, prover.case, prover.wording
    if rfm is None:
        return
    if case.cut_offs is None or case.cut_offs.rfm is None:
        yield "no cut-offs are published yet: `regulars evaluate` does it"
        return
    if prover.standing.rfm_group is not None:
        yield f"the customer is in the RFM group {prover.standing.rfm_group}"
    sides = (
        ("recent", rfm.recency, case.cut_offs.rfm.recency, prover.standing.rfm_recency),
        ("frequent", rfm.frequency, case.cut_offs.rfm.frequency, prover.standing.rfm_frequency),
        ("valuable", rfm.monetary, case.cut_offs.rfm.monetary, prover.standing.rfm_monetary),
    )
    for word, measure, published, score in sides:
        if published.high is not None:
            begins = wording.named(measure.attribute, published.high)
            value = wording.named(measure.attribute, prover.values.get(measure.attribute))
            said = "" if score is None else f"; score {score} of {rfm.scores}"
            yield f"{word} is {measure.attribute} {_way(published)} {begins}; it is {value}{said}"


def _way(published: MeasureCutOffs) -> str:
    return "at most" if published.better == "less" else "at least"
