import pytest

from engine.facts.intake.contact import fold_email, international_phone


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (" Ada@Example.COM\n", "ada@example.com"),
        ("STRASSE@bücher.example", "strasse@bücher.example"),
        ("a.b+c@x.example", "a.b+c@x.example"),
        ("ada", None),
        ("a@b", None),
        ("a@b..c", None),
        ("a b@c.example", None),
        ("a@b.example,c@d.example", None),
        ("x" * 250 + "@y.example", None),
    ],
)
def test_addresses_are_folded_and_others_left_unknown(told, kept):
    assert fold_email(told) == kept


@pytest.mark.parametrize(
    ("told", "country", "kept"),
    [
        ("030 / 12 34-56", "DE", "+4930123456"),
        ("+49 (30) 123456", None, "+4930123456"),
        ("0049 30 123456", "FR", "+4930123456"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("030 123456", None, None),
        ("030 123456", "ZZ", None),
        ("call me", "DE", None),
        ("+49", "DE", None),
        ("+0123456789", "DE", None),
        ("+491234567890123456", "DE", None),
    ],
)
def test_numbers_become_international_and_others_are_left_unknown(told, country, kept):
    assert international_phone(told, country) == kept
