"""When a rule's verdict changes if nothing happens, and which of its clauses turn then."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.conditions.ast import Condition
from engine.conditions.environment import Catalogue
from engine.conditions.trace import Trace
from engine.explain.case import Case
from engine.explain.minimal import leaves
from engine.explain.proof import Instant, Turn
from engine.explain.prove import Prover, has
from engine.explain.subject import Subject, part_of
from engine.language.rules import Rules
from engine.standing.decide import Standing
from engine.standing.judge import Judge
from engine.standing.pruned import only

MOST_FLIPS = 1500
"""Instants that are looked at: with an attribute of the calendar, which may change daily, about four years."""


_WITHOUT = {"tag": ("it has been given for so long",), "tier": ("the review, and the grace after it, are over",)}
"""What turns where no clause does."""


def next_turn(rules: Rules, catalogue: Catalogue, case: Case, subject: Subject) -> Turn:
    """The next instant at which the verdict of a rule changes, judged at every flip before it.

    Args:
        rules: the rules.
        catalogue: types of attributes and events, and the reporting currency.
        case: the customer, with nothing of what came after the case's instant.
        subject: a tag, segment, stage, tier or RFM group.
    """
    judge = Judge(only(rules.standing, part_of(subject)), rules.catalogue, catalogue, rules.policy.zone, rules.words)
    at, standing = case.at, case.previous
    judged = _judged(judge, case, at, standing)
    verdict = has(judged[0], subject.kind, subject.name)
    for _ in range(MOST_FLIPS):
        before, flip = judged
        if flip is None:
            return Turn(None)
        at, standing = flip, before
        judged = _judged(judge, case, at, standing)
        if has(judged[0], subject.kind, subject.name) is not verdict:
            clauses = _turned(rules, catalogue, judge, case, subject, (at, standing)) or _WITHOUT.get(subject.kind, ())
            return Turn(Instant(at), not verdict, _becomes(judged[0], subject), clauses)
    return Turn(None, looked_until=Instant(at))


def _judged(judge: Judge, case: Case, at: int, previous: Standing | None) -> tuple[Standing, int | None]:
    judged = judge(case.facts, at, cut_offs=case.cut_offs, previous=previous, hand_tags=case.tags, events=case.events)
    return judged.standing, judged.next_flip


def _becomes(standing: Standing, subject: Subject) -> str | None:
    """What the customer is then, of stages, tiers and groups."""
    if subject.kind in ("stage", "tier", "rfm_group"):
        becomes: str | None = getattr(standing, subject.kind)
        return becomes
    return None


def _turned(
    rules: Rules,
    catalogue: Catalogue,
    judge: Judge,
    case: Case,
    subject: Subject,
    turned: tuple[int, Standing],
) -> tuple[str, ...]:
    """The clauses whose verdict differs from that of the instant before."""
    at, standing = turned
    sides: list[Mapping[Condition, bool]] = []
    prover = None
    for instant in (at - 1, at):
        prover = Prover(rules, catalogue, judge, replace(case, at=instant, previous=standing))
        condition = prover.condition(subject.kind, subject.name)
        sides.append({} if condition is None else _verdicts(prover.traced(condition)))
    before, after = sides
    assert prover is not None  # two instants were looked at
    words: Sequence[str] = [
        f"{prover.wording.clause(each)}: {'yes' if verdict else 'no'} from then on"
        for each, verdict in after.items()
        if before.get(each) is not verdict
    ]
    return tuple(words)


def _verdicts(traced: Trace) -> dict[Condition, bool]:
    return {each.condition: each.verdict for each in leaves(traced)}
