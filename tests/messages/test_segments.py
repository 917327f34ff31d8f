"""How long a short message is, by the standard's own numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.messages.segments import Length, is_e164, length


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "gsm-7", 0, 1),
        ("a" * 160, "gsm-7", 160, 1),
        ("a" * 161, "gsm-7", 161, 2),
        ("a" * 306, "gsm-7", 306, 2),
        ("a" * 307, "gsm-7", 307, 3),
        ("äöüßÄÖÜñàé@£$¥Δ\n", "gsm-7", 16, 1),
        ("€" * 80, "gsm-7", 160, 1),
        ("€" * 81, "gsm-7", 162, 2),
        # 153 is odd: the 77th € does not fit the first of several segments by half.
        ("€" * 152, "gsm-7", 304, 2),
        ("€" * 153, "gsm-7", 306, 3),
        ("ç", "ucs-2", 1, 1),
        ("ё" * 70, "ucs-2", 70, 1),
        ("ё" * 71, "ucs-2", 71, 2),
        ("ё" * 134, "ucs-2", 134, 2),
        ("ё" * 135, "ucs-2", 135, 3),
        ("a" * 69 + "\u2019", "ucs-2", 70, 1),
        ("🎉" * 35, "ucs-2", 70, 1),
        ("🎉" * 66, "ucs-2", 132, 2),
        # 67 is odd: no emoji is cut in two.
        ("🎉" * 67, "ucs-2", 134, 3),
    ],
)
def test_a_text_goes_in_so_many_segments(text, encoding, units, segments):
    assert length(text) == Length(encoding, units, segments)


@given(st.text(max_size=12), st.integers(1, 60))
def test_segments_are_as_few_as_units_of_one_or_two_allow(text, times):
    known = length(text * times)
    alone, several = (160, 153) if known.encoding == "gsm-7" else (70, 67)
    if known.units <= alone:
        assert known.segments == 1
    else:
        assert -(-known.units // several) <= known.segments <= -(-known.units // (several - 1))


@pytest.mark.parametrize("number", ["+4915112345678", "+12025550123", "+3120123"])
def test_an_international_number_is_known(number):
    assert is_e164(number)


@pytest.mark.parametrize(
    "number",
    ["015112345678", "4915112345678", "+0151123456", "+49 151 123456", "+49151123456789012", "+49\n", "+٤٩١٥١"],
)
def test_any_other_is_none(number):
    assert not is_e164(number)
