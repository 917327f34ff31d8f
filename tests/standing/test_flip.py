"""Looking at a customer only when a flip comes finds what looking every second finds."""

from hypothesis import HealthCheck, given, settings

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.environment import Catalogue
from engine.facts.history import happenings
from engine.standing.judge import Judge
from tests.standing.strategies import (
    ATTRIBUTES,
    NOW,
    SECOND,
    SPAN,
    customer_facts,
    cut_offs,
    hand_tags,
    orders,
    previous,
    rules,
)

TYPES = Catalogue({name: each.type for name, each in ATTRIBUTES.items()}, {}, "EUR")


def _paid(facts: CustomerFacts):
    return happenings((), facts, {"order.paid"}, fields={}, currency="EUR")


def _seen(standing):
    return (
        standing.tags,
        standing.segments,
        standing.stage,
        standing.tier,
        standing.rfm_group,
        standing.rfm_recency,
        standing.rfm_frequency,
        standing.rfm_monetary,
    )


def _by_seconds(judge, facts, before, told):
    found = {}
    for second in range(SPAN + 1):
        at = NOW + second * SECOND
        before = judge(facts, at, previous=before, **told).standing
        found[at] = _seen(before)
    return found


def _by_flips(judge, facts, before, told):
    judged = judge(facts, NOW, previous=before, **told)
    found = {}
    for second in range(SPAN + 1):
        at = NOW + second * SECOND
        while judged.next_flip is not None and judged.next_flip <= at:
            judged = judge(facts, judged.next_flip, previous=judged.standing, **told)
        found[at] = _seen(judged.standing)
    return found


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(rules(), orders(), cut_offs, hand_tags, previous)
def test_evaluating_at_every_flip_gives_what_every_second_gives(rules, rows, cut_offs, hand_tags, previous):
    judge = Judge(rules, ATTRIBUTES, TYPES)
    facts = customer_facts(rows)
    told = {"cut_offs": cut_offs, "hand_tags": hand_tags, "events": _paid(facts)}
    assert _by_flips(judge, facts, previous, told) == _by_seconds(judge, facts, previous, told)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(rules(), orders(), cut_offs, cut_offs, hand_tags, previous)
def test_other_cut_offs_where_nothing_else_turns_are_as_a_whole_judgement(rules, rows, first, then, tags, previous):
    judge = Judge(rules, ATTRIBUTES, TYPES)
    facts = customer_facts(rows)
    told = {"hand_tags": tags, "events": _paid(facts)}
    judged = judge(facts, NOW, cut_offs=first, previous=previous, **told)
    at = NOW + SPAN * SECOND // 2
    if judged.next_flip is not None and judged.next_flip <= at:
        at = NOW
    again = judge.again(facts, at, judged.standing, cut_offs=then, **told)
    whole = judge(facts, at, cut_offs=then, previous=judged.standing, **told)
    assert (again.standing, again.changes, again.next_flip) == (whole.standing, whole.changes, whole.next_flip)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(rules(), orders(), cut_offs, hand_tags, previous)
def test_what_happens_later_changes_no_standing_before_it(rules, rows, cut_offs, hand_tags, previous):
    judge = Judge(rules, ATTRIBUTES, TYPES)
    facts = customer_facts(rows)
    told = {"cut_offs": cut_offs, "hand_tags": hand_tags}
    known = customer_facts([_as_of(row) for row in rows if _told_by_now(row)])
    with_later = judge(facts, NOW, previous=previous, events=_paid(facts), **told)
    without = judge(known, NOW, previous=previous, events=_paid(known), **told)
    assert _seen(with_later.standing) == _seen(without.standing)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(rules(), orders(), cut_offs, hand_tags, previous)
def test_the_order_of_facts_and_of_rules_does_not_matter(rules, rows, cut_offs, hand_tags, previous):
    turned = rules.model_copy(update={"tags": rules.tags[::-1], "segments": rules.segments[::-1]})
    told = {"cut_offs": cut_offs, "previous": previous}
    facts, back = customer_facts(rows), customer_facts(rows[::-1])
    one = Judge(rules, ATTRIBUTES, TYPES)(facts, NOW, events=_paid(facts), hand_tags=hand_tags, **told)
    two = Judge(turned, ATTRIBUTES, TYPES)(back, NOW, events=_paid(back), hand_tags=hand_tags[::-1], **told)
    assert one == two


def _told_by_now(row):
    """Whether anything of an order has happened; some sources have an order paid before it is placed."""
    paid_at = row[RELATIONS["orders"].slots["paid_at"]]
    return row[0] <= NOW or (paid_at is not None and paid_at <= NOW)


def _as_of(row):
    """The row with what lies ahead left out."""
    slots = {RELATIONS["orders"].slots[name] for name in ("paid_at", "cancelled_at")}
    return tuple(None if at in slots and value is not None and value > NOW else value for at, value in enumerate(row))
