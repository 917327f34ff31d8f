"""Looking at a customer only when a flip comes finds what looking every second finds."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import compile_fold
from engine.attributes.relations import RELATIONS
from engine.conditions.environment import Catalogue
from engine.facts.history import happenings
from engine.standing.flip import Flips
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


def _published_by_seconds(judge, facts, before, first, published, told):
    found, now = {}, dict(published)
    for second in range(SPAN + 1):
        at = NOW + second * SECOND
        before = judge(facts, at, previous=before, cut_offs=first, **told).standing
        if at in now:
            first = now[at]
            before = judge(facts, at, previous=before, cut_offs=first, **told).standing
        found[at] = _seen(before)
    return found


def _published_by_turns(judge, facts, before, first, published, told):
    """As a simulated life goes: at one instant a flip comes before new cut-offs, and those that change nothing pass."""
    found, place = {}, 0
    judged = judge(facts, NOW, previous=before, cut_offs=first, coming=published, **told)
    for second in range(SPAN + 1):
        at = NOW + second * SECOND
        while True:
            judging = place + judged.passed
            turns = [] if judged.next_flip is None else [(judged.next_flip, 0)]
            turns += [(published[judging][0], 1)] if judging < len(published) else []
            if not turns or min(turns)[0] > at:
                break
            turn = min(turns)
            place = sum((when, 1) <= turn for when, _ in published)
            cut_offs = published[place - 1][1] if place else first
            judged = judge(
                facts, turn[0], previous=judged.standing, cut_offs=cut_offs, coming=published[place:], **told
            )
        found[at] = _seen(judged.standing)
    return found


_publications = st.lists(st.tuples(st.integers(1, SPAN), cut_offs), max_size=4, unique_by=lambda each: each[0])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(rules(), orders(), cut_offs, _publications, hand_tags, previous)
def test_publications_that_are_passed_by_change_nothing(rules, rows, first, publications, tags, previous):
    judge = Judge(rules, ATTRIBUTES, TYPES)
    facts = customer_facts(rows)
    told = {"hand_tags": tags, "events": _paid(facts)}
    published = tuple((NOW + second * SECOND, each) for second, each in sorted(publications, key=lambda each: each[0]))
    asked = (judge, facts, previous, first, published, told)
    assert _published_by_turns(*asked) == _published_by_seconds(*asked)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(rules(), orders())
def test_until_something_turns_values_stay_but_for_days_that_go_on(rules, rows):
    flips, facts = Flips(rules, ATTRIBUTES), customer_facts(rows)
    fold = compile_fold({**ATTRIBUTES, **flips.companions}, currency="EUR", only=flips.names)
    values, until = {}, 0
    for second in range(SPAN + 1):
        at = NOW + second * SECOND
        if at >= until:
            values = fold(facts, at)
            until = flips.steady_until(facts, values, at)
        assert flips.days_at(values, at) == fold(facts, at)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(rules(), orders(), cut_offs, hand_tags, previous)
def test_what_is_remembered_of_others_is_what_would_be_decided_anew(rules, rows, cut_offs, hand_tags, previous):
    remembering = Judge(rules, ATTRIBUTES, TYPES)
    told = {"cut_offs": cut_offs, "hand_tags": hand_tags, "previous": previous}
    for some in (rows, rows[:1], rows[1:], rows):
        facts = customer_facts(some)
        for at in (NOW, NOW + SPAN * SECOND // 2):
            anew = Judge(rules, ATTRIBUTES, TYPES)(facts, at, events=_paid(facts), **told)
            assert remembering(facts, at, events=_paid(facts), **told) == anew


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
