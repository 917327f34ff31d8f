"""Judging what an event has touched finds what judging everything finds, event after event."""

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.ast import Compare, Did
from engine.conditions.environment import Catalogue
from engine.facts.history import happenings, relations_of
from engine.standing.decide import HandTag
from engine.standing.definition import Lifecycle, SegmentRule, StageRule, StandingRules, TagRule
from engine.standing.focus import Touched
from engine.standing.judge import Before, Judge
from tests.conditions.strategies import trees
from tests.standing.strategies import (
    ATTRIBUTES as OF_ORDERS,
)
from tests.standing.strategies import (
    DAY,
    NOW,
    RFM,
    SECOND,
    SPAN,
    TIERS,
    _attribute,
    _attribute_leaves,
    _late_leaves,
    cut_offs,
    hand_tags,
)

ATTRIBUTES = OF_ORDERS | {
    each.name: each
    for each in (
        _attribute("visits", aggregate="count", of="site_events", within_seconds=7),
        _attribute("since_visit", aggregate="days_since", of="site_events.at"),
        _attribute("paid_in", aggregate="sum", of="payments.amount", type="money", within_seconds=13),
        _attribute("open_cases", aggregate="count", of="cases", where=Compare(name="open", operand=True)),
        _attribute("visits_an_order", aggregate="ratio", of="visits", over="orders", type="decimal", scale=1),
        _attribute("days_of_both", aggregate="ratio", of="since_visit", over="since_first", type="decimal", scale=1),
        _attribute("hour", aggregate="hour", of="site_events.at", calendar=True),
    )
}
TYPES = Catalogue({name: each.type for name, each in ATTRIBUTES.items()}, {}, "EUR")
KINDS = ("order.paid", "site.visit")
CHANGING = ("orders", "site_events", "payments", "cases")

_numbers = st.sampled_from([0, 1, 2])
_more_leaves = st.one_of(
    _attribute_leaves,
    st.builds(
        Compare,
        name=st.sampled_from(["visits", "since_visit", "open_cases", "hour"]),
        operator=st.sampled_from(["eq", "lt", "gte"]),
        operand=_numbers,
    ),
    st.builds(
        Compare,
        name=st.sampled_from(["visits_an_order", "days_of_both"]),
        operator=st.sampled_from(["lt", "gte"]),
        operand=st.sampled_from(["0.5", "1"]),
    ),
    st.builds(Compare, name=st.just("paid_in"), operator=st.just("gt"), amounts=st.just((("EUR", 100),))),
    st.builds(
        Did, event=st.just("site.visit"), within_seconds=st.sampled_from([None, 6]), times=st.sampled_from([1, 2])
    ),
)


@st.composite
def _rules(draw):
    """Rules over several relations and over each other."""
    alone, late = trees(_more_leaves), trees(st.one_of(_more_leaves, _late_leaves))
    expiries = st.sampled_from([None, 3, 8])
    tags = [TagRule(name=name, title=name, when=draw(alone), expires=draw(expiries)) for name in ("t0", "t1")]
    segments = [SegmentRule(name=name, title=name, when=draw(late)) for name in ("s0", "s1", "s2")]
    stages = [StageRule(name=name, title=name, when=draw(late)) for name in ("first", "second")]
    return StandingRules(
        tags=tuple(tags), segments=tuple(segments), lifecycle=Lifecycle(stages=tuple(stages)), tiers=TIERS, rfm=RFM
    )


_seconds = st.integers(-15, SPAN).map(lambda each: NOW + each * SECOND)
_instants = st.builds(lambda at, days: at - days * DAY, _seconds, st.sampled_from([0, 0, 0, 1, 2]))
_maybe = st.none() | _instants


def _row(relation: str, number: int, draw):
    at, key, of = draw(_instants), f"{number:03}", RELATIONS[relation]
    match relation:
        case "orders":
            paid, cancelled = draw(_maybe), draw(st.none() | st.none() | _seconds)
            more = {"paid_at": paid, "cancelled_at": cancelled, "counts": True, "currency": "EUR"}
            return of.row(at, key, order_id=number, total=draw(st.sampled_from([0, 150, 400])), **more)
        case "payments":
            return of.row(at, key, amount=draw(st.sampled_from([50, 150])), currency="EUR")
        case "cases":
            return of.row(at, key, closed_at=draw(_maybe), reopened_at=draw(st.none() | _seconds))
        case _:
            return of.row(at, key, kind="visit")


@st.composite
def _histories(draw):
    """What changes at which instant: rows of a relation are added, or the last one is another one now."""
    at, number, steps = NOW, 0, []
    for _ in range(draw(st.integers(1, 6))):
        at += draw(st.sampled_from([0, 1, 2, 5, 9])) * SECOND
        changes = []
        for relation in draw(st.lists(st.sampled_from(CHANGING), min_size=1, max_size=2, unique=True)):
            number += 1
            changes.append((relation, draw(st.booleans()), _row(relation, number, draw)))
        steps.append((at, changes))
    return steps


def _facts(rows) -> CustomerFacts:
    person = RELATIONS["customer"].row(None, "c", birthday=None)
    return CustomerFacts(1, "UTC", {**{name: rows[name] for name in CHANGING}, "customer": [person]})


def _told(facts, kinds):
    return happenings((), facts, kinds, fields={}, currency="EUR")


def _part(facts: CustomerFacts, relations) -> CustomerFacts:
    """Only what is to be read: a judgement that reads more than it says fails."""
    return CustomerFacts(1, "UTC", {name: facts.rows[name] for name in relations})


def _touched(relations) -> Touched:
    return Touched(
        frozenset(relations), frozenset(kind for kind in KINDS if relations_of({kind}) & frozenset(relations))
    )


def differences(rules, history, cut_offs, hand_tags, *, forgotten=()):
    """Where the two differ along a history; `forgotten` are relations of which nobody says that they were touched."""
    judge, rows, found = Judge(rules, ATTRIBUTES, TYPES), {name: [] for name in CHANGING}, []
    told = {"cut_offs": cut_offs, "hand_tags": hand_tags}
    start = _facts(rows)
    kept = judge.apart(start, NOW - SECOND, events=_told(start, judge.events), **told)
    for at, changes in history:
        for relation, anew, row in changes:
            rows[relation] = [*(rows[relation][:-1] if anew else rows[relation]), row]
        facts = _facts(rows)
        whole = judge.apart(facts, at, previous=kept.standing, events=_told(facts, judge.events), **told)
        if kept.next_flip is None or kept.next_flip > at:
            focus = judge.focus(_touched([name for name, *_ in changes if name not in forgotten]))
            read = {**focus.reads, **dict.fromkeys(relations_of(focus.scope.kinds), ())}
            part = _part(facts, read)
            events = _told(part, focus.scope.kinds)
            now = judge.touched(focus, part, at, Before(kept.standing, kept.flips), events=events, **told)
            same = ("standing", "changes", "next_flip", "flips")
            found += [(at, name) for name in same if getattr(now, name) != getattr(whole, name)]
            found += [(at, each) for each in _evidence(now) ^ _evidence(whole)]
        kept = whole
    return found


def _evidence(judgement):
    return {(each.kind, each.after, repr(sorted(each.evidence.items()))) for each in judgement.changes}


# A tag given or expired by hand between two events is none of this: then everything is judged.
_by_hand = st.lists(st.just(HandTag("by-hand", NOW - 20 * SECOND)), max_size=1)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_rules(), _histories(), cut_offs, _by_hand)
def test_judging_what_was_touched_is_judging_everything(rules, history, cut_offs, hand_tags):
    assert differences(rules, history, cut_offs, hand_tags) == []


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_rules(), _histories(), cut_offs, hand_tags)
def test_the_flips_by_what_they_follow_from_are_the_next_flip(rules, history, cut_offs, hand_tags):
    judge, rows = Judge(rules, ATTRIBUTES, TYPES), {name: [] for name in CHANGING}
    for at, changes in history:
        for relation, _, row in changes:
            rows[relation].append(row)
        facts = _facts(rows)
        told = {"cut_offs": cut_offs, "hand_tags": hand_tags, "events": _told(facts, judge.events)}
        assert judge.apart(facts, at, **told).next_flip == judge(facts, at, **told).next_flip


@pytest.mark.parametrize("relation", CHANGING)
def test_a_relation_that_is_left_out_shows(relation):
    case = st.tuples(_rules(), _histories(), cut_offs)
    once = settings(
        max_examples=2000,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    shown = find(case, lambda each: differences(*each, (), forgotten=(relation,)) != [], settings=once)
    assert differences(*shown, ()) == []
