"""What the compiled validator of contracts takes for sound, the one that tells what is wrong finds nothing in."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.facts.events import load_contracts

CONTRACTS = load_contracts()
_MONEY = st.fixed_dictionaries(
    {
        "amount": st.sampled_from(["12.50", "12.505", "0.1", "-3", "1e3", "", "12.50\n", 12, "9" * 16, "007"]),
        # XXX is a code of ISO 4217 like EUR: that of no currency.
        "currency": st.sampled_from(["EUR", "JPY", "EURO", "eur", None, "KWD", "XXX"]),
    }
)
_TEXTS = st.sampled_from(
    [
        "", "card", "a\n", "2025-03-01T12:30:00+01:00", "2025-03-01T12:30:00", "2025-02-30T00:00:00Z", "1980-12-31",
        "1980-02-30", "Europe/Berlin", "Mars/Base", "email", "sms", "*", "marketing", "transactional", "return", "DE",
        "de-DE", "x@example.com", "+4915112345678", "refund", "1", "\u00e9" * 300,
    ]
)  # fmt: skip
_PLAIN = st.one_of(
    _TEXTS,
    _MONEY,
    st.integers(-(2**70), 2**70),
    st.integers(-2, 6),
    st.booleans(),
    st.none(),
    st.sampled_from([0.0, 1.0, 2.5, math.nan, math.inf, 2.0**60]),
)
_PARTS = st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


def _data(kind):
    """Data whose names are those of the contract, or nearly, with lines and payments as they may be told."""
    schema = CONTRACTS[kind].schema
    names = [*schema["properties"], "correction", "unknown"]
    inner = {
        name: part for each in schema.get("$defs", {}).values() for name, part in (each.get("properties") or {}).items()
    }
    objects = st.dictionaries(st.sampled_from([*inner, "other"]), _PARTS, max_size=5)
    values = st.one_of(_PARTS, objects, st.lists(objects, max_size=2))
    needed = dict.fromkeys(schema.get("required", ()), values)
    return st.fixed_dictionaries(needed, optional={name: values for name in names if name not in needed})


@pytest.mark.parametrize("kind", sorted(CONTRACTS))
def test_what_is_taken_for_sound_breaks_nothing(kind):
    contract = CONTRACTS[kind]

    @settings(max_examples=60, deadline=None)
    @given(_data(kind))
    def holds(data):
        if contract.sound(data):
            assert [*contract.validator.iter_errors(data)] == []

    holds()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("site.visit", {}),
        ("order.paid", {"amount": {"amount": "12.50", "currency": "EUR"}}),
        (
            "order.placed",
            {"lines": [{"product": "p", "unit_price": {"amount": "12.50", "currency": "EUR"}}], "channel": "ad"},
        ),
        ("consent.changed", {"purpose": "marketing", "channel": "email", "granted": True}),
    ],
)
def test_what_shops_tell_is_taken_for_sound_at_once(kind, data):
    assert CONTRACTS[kind].sound(data)
    assert CONTRACTS[kind].check(data) == ()


@pytest.mark.parametrize("amount", ["12.505", "1e3", "", None])
def test_money_that_is_none_is_found(amount):
    data = {"amount": {"amount": amount, "currency": "EUR"}}
    assert not CONTRACTS["order.paid"].sound(data)
    assert CONTRACTS["order.paid"].check(data)


@pytest.mark.parametrize("number", [math.nan, 2**4000])
def test_what_json_cannot_write_is_left_to_the_validator_that_tells(number):
    data = {"score": number, "review": "r"}
    contract = CONTRACTS["review.created"]
    assert not contract.sound(data)
    assert bool(contract.check(data)) == bool([*contract.validator.iter_errors(data)])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_cannot_be_kept_is_found_at_its_place(tmp_path, number):
    schema = {"title": "Sized", "type": "object", "properties": {"ratio": {"title": "Ratio", "type": "number"}}}
    (tmp_path / "shop.sized.json").write_text(json.dumps(schema))
    contract = load_contracts(tmp_path)["shop.sized"]
    (found,) = contract.check({"ratio": number})
    assert (found.path, "finite numbers" in found.expected) == ("ratio", True)
    assert contract.check({"ratio": 0.5}) == ()
