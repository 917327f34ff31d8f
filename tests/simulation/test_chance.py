"""Intervals of shares and of their difference, against values from the literature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.simulation.chance import Share, difference


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3.
    for reached, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert Share(reached, of).interval == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_a_difference_is_newcombes() -> None:
    # Newcombe (1998), Statistics in Medicine 17:873, table II, method 10.
    for one, other, low, high in (
        (Share(56, 70), Share(48, 80), 0.0524, 0.3339),
        (Share(9, 10), Share(3, 10), 0.1705, 0.8090),
        (Share(5, 56), Share(0, 29), -0.0381, 0.1926),
    ):
        assert difference(one, other) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_what_was_found_and_stays_within_bounds(a: int, b: int, c: int, d: int) -> None:
    one, other = Share(min(a, b), max(a, b)), Share(min(c, d), max(c, d))
    low, high = one.interval
    assert 0 <= low <= high <= 1
    if one.of:
        assert low - 1e-9 <= one.value <= high + 1e-9
    low, high = difference(one, other)
    assert -1 - 1e-9 <= low <= one.value - other.value <= high <= 1 + 1e-9
