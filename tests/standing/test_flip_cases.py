"""Single flips, each at its instant."""

from engine.attributes.definition import AttributeDefinition
from engine.conditions.ast import Compare
from engine.conditions.environment import Catalogue
from engine.standing.cut_offs import CutOffs, MeasureCutOffs, RfmCutOffs
from engine.standing.definition import Measure, Rfm, RfmGroup, SegmentRule, StandingRules
from engine.standing.judge import Judge
from tests.standing.strategies import ATTRIBUTES, DAY, NOW, RELATIONS, SECOND, customer_facts

TYPES = Catalogue({name: each.type for name, each in ATTRIBUTES.items()}, {}, "EUR")


def row(days: int):
    """An order placed and paid so many days ago."""
    at = NOW - days * DAY
    return RELATIONS["orders"].row(at, "1", order_id=1, paid_at=at, counts=True, total=100, currency="EUR")


def flip(rules: StandingRules, rows, cut_offs=None, attributes=ATTRIBUTES):
    found = Judge(rules, attributes, TYPES)(customer_facts(rows), NOW, cut_offs=cut_offs).next_flip
    return None if found is None else found - NOW


def segment(name: str, operator: str, operand: int) -> StandingRules:
    when = Compare(name=name, operator=operator, operand=operand)
    return StandingRules(segments=(SegmentRule(name="s", title="S", when=when),))


def test_days_since_flip_when_the_number_is_reached_and_when_it_has_passed():
    assert flip(segment("since", "lt", 90), [row(10)]) == 80 * DAY
    assert flip(segment("since", "gte", 90), [row(10)]) == 80 * DAY
    assert flip(segment("since", "lt", 90), [row(90)]) is None
    assert flip(segment("since", "lte", 90), [row(10)]) == 81 * DAY
    assert flip(segment("since", "gt", 90), [row(90)]) == DAY
    assert flip(segment("since", "eq", 90), [row(10)]) == 80 * DAY
    assert flip(segment("since", "eq", 90), [row(90)]) == DAY
    assert flip(segment("since", "eq", 90), [row(91)]) is None


def test_whoever_has_no_order_never_flips():
    assert flip(segment("since", "lt", 90), []) is None


def test_an_order_leaves_its_window_at_the_windows_end():
    assert flip(segment("lately", "gte", 1), [row(0)]) == 5 * SECOND


def test_published_cut_offs_of_recency_are_flips_too():
    rfm = Rfm(
        base=Compare(name="orders", operator="gte", operand=1),
        recency=Measure(attribute="since", quantile=5000),
        frequency=Measure(attribute="orders", high_from=2),
        monetary=Measure(attribute="orders", high_from=2),
        groups=(RfmGroup(name="g", title="G", recent=True, frequent=False, valuable=False),),
    )
    more = MeasureCutOffs("more", 2, (2, 3, 4, 5))
    cut_offs = CutOffs(None, RfmCutOffs(MeasureCutOffs("less", 40, (60, 50, 20, 10)), more, more))
    rules = StandingRules(rfm=rfm)
    assert flip(rules, [row(30)], cut_offs) == 11 * DAY
    assert flip(rules, [row(41)], cut_offs) == 10 * DAY
    assert flip(rules, [row(62)], cut_offs) is None
    assert flip(rules, [row(30)]) is None


def test_what_counts_in_days_without_a_known_threshold_flips_daily():
    ratio = AttributeDefinition(
        name="pace", title="Pace", type="decimal", scale=2, aggregate="ratio", of="since", over="orders"
    )
    rules = StandingRules(
        segments=(SegmentRule(name="s", title="S", when=Compare(name="pace", operator="gt", operand="1.5")),)
    )
    assert flip(rules, [row(10)], attributes={**ATTRIBUTES, "pace": ratio}) == DAY


def test_an_order_told_for_a_later_instant_is_a_flip():
    ahead = RELATIONS["orders"].row(NOW + SECOND, "1", order_id=1, counts=True, currency="EUR")
    assert flip(segment("orders", "gte", 1), [ahead]) == SECOND
