"""Cut-offs are exact, and applying them gives what the definitions give value by value."""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from engine.conditions.ast import All
from engine.standing.cut_offs import CutOffs, rfm_cut_offs, tier_cut_offs, tier_of
from engine.standing.definition import Measure, Rfm, TierRule, Tiers

TIERS = Tiers(
    rank_by="spend",
    tiers=tuple(
        TierRule(name=name, title=name, share=share) for name, share in (("a", 1000), ("b", 2500), ("c", None))
    ),
)
RFM = Rfm(
    base=All(parts=()),
    recency=Measure(attribute="r", quantile=5000),
    frequency=Measure(attribute="f", high_from=2),
    monetary=Measure(attribute="m", quantile=5000),
    groups=(),
)
numbers = st.one_of(st.integers(0, 6), st.integers(0, 2**63 - 1))
populations = st.lists(numbers, min_size=1, max_size=60)


def found(values):
    return rfm_cut_offs(values, values, values, RFM)


@given(populations)
def test_a_tier_holds_at_least_its_share_and_ties_go_up(values):
    cut_offs = tier_cut_offs(values, TIERS)
    for share, place in ((Fraction(1, 10), 0), (Fraction(1, 4), 1)):
        inside = [value for value in values if tier_of(value, cut_offs) <= place]
        rank = ceil(len(values) * share)
        assert len(inside) >= rank
        assert len([value for value in inside if value > min(inside)]) < rank
        assert all(tier_of(value, cut_offs) > place for value in values if value < min(inside))


def test_nobody_in_the_base_makes_no_cut_off_and_everybody_is_in_the_last_tier():
    cut_offs = tier_cut_offs([], TIERS)
    assert cut_offs == (None, None)
    assert tier_of(10**9, cut_offs) == 2
    assert tier_of(None, (5, 1)) == 2


@given(populations)
def test_high_is_at_or_better_than_the_median(values):
    middle = Fraction(median(map(Fraction, values)))
    cut_offs = found(values)
    assert cut_offs.recency.high == floor(middle)
    assert cut_offs.monetary.high == ceil(middle)
    for value in values:
        assert cut_offs.recency.is_high(value) == (value <= middle)
        assert cut_offs.monetary.is_high(value) == (value >= middle)
        assert cut_offs.frequency.is_high(value) == (value >= 2)


@given(populations)
def test_scores_are_by_percent_rank_with_ties_at_their_lowest_rank(values):
    cut_offs, last = found(values), len(values) - 1
    for value in values:
        worse_late = sum(other > value for other in values)
        worse_little = sum(other < value for other in values)
        for measure, rank in ((cut_offs.recency, worse_late), (cut_offs.monetary, worse_little)):
            expected = min(5, 1 + 5 * rank // last) if last else 1
            assert measure.score(value) == expected


@given(populations, populations)
def test_the_order_of_customers_does_not_matter(values, more):
    assert rfm_cut_offs(values, more, more, RFM) == rfm_cut_offs(values[::-1], more[::-1], more[::-1], RFM)
    assert tier_cut_offs(values, TIERS) == tier_cut_offs(values[::-1], TIERS)


@given(populations | st.lists(st.decimals(0, 9, places=2), min_size=1, max_size=9))
def test_published_cut_offs_are_read_as_they_were_written(values):
    cut_offs = CutOffs(tier_cut_offs(values, TIERS), found(values))
    assert CutOffs.from_json(cut_offs.to_json()) == cut_offs


def test_decimals_are_ranked_as_they_are():
    values = [Decimal("0.5"), Decimal("1.5"), Decimal("2.5"), Decimal("2.5")]
    assert tier_cut_offs(values, TIERS) == (Decimal("2.5"), Decimal("2.5"))
    assert found(values).monetary.high == Decimal("2.5")
    assert found(values).recency.high == Decimal("1.5")


def test_a_quantile_of_another_share_lies_on_the_line_between_two_values():
    rfm = RFM.model_copy(
        update={"monetary": Measure(attribute="m", quantile=8000), "recency": Measure(attribute="r", quantile=8000)}
    )
    cut_offs = rfm_cut_offs([10, 20, 30, 40, 50], [1], [10, 20, 30, 40, 50], rfm)
    assert cut_offs.monetary.high == 42  # the best fifth
    assert cut_offs.recency.high == 18
