"""Words of the operator's lists in review texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import compile_fold
from engine.attributes.keywords import fold_case, keywords_of
from engine.attributes.relations import RELATIONS
from engine.attributes.rows import compile_row
from engine.conditions.ast import Compare

WORDS = {"size": ("size", "tamanho", "too small"), "price": ("teuer", "caro", "preço"), "fabric": ("质量", "Straße")}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The SIZE is wrong", {"size"}),
        ("size.", {"size"}),
        ("oversized", set()),
        ("size_chart", set()),
        ("too\n  Small", {"size"}),
        ("toosmall", set()),
        ("O tamanho é bom, mas caro!", {"size", "price"}),
        ("carona", set()),
        ("PREÇO", {"price"}),
        ("pre\u0063\u0327o", {"price"}),  # the cedilla as a character of its own
        ("衣服质量很好", {"fabric"}),  # no spaces between the words of Chinese
        ("STRASSE", {"fabric"}),
        ("", set()),
        (None, set()),
    ],
)
def test_a_text_has_the_keywords_of_its_whole_words(text, found):
    assert keywords_of(WORDS)(text) == found


@given(st.text(), st.sampled_from(["size", "preço", "质量"]))
def test_a_word_between_spaces_is_always_found(text, word):
    assert keywords_of({"list": (word,)})(f"{text} {word} {text}") == {"list"}


@given(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=3), st.text(max_size=30))
def test_any_words_and_any_text_are_fit(name, words, text):
    assert keywords_of({name: words})(text) <= {name}


@given(st.text(max_size=20))
def test_case_is_folded_once_and_for_all(text):
    assert fold_case(fold_case(text)) == fold_case(text)


def test_lists_without_words_are_never_found():
    assert keywords_of({"empty": (), "blank": ("  ",)})("  anything  ") == frozenset()


def reviews(*texts):
    rows = [RELATIONS["reviews"].row(0, str(place), text=text) for place, text in enumerate(texts)]
    return CustomerFacts(1, "UTC", {"reviews": rows})


def test_reviews_are_counted_by_keyword_with_the_words_that_the_fold_was_given():
    about_size = AttributeDefinition(
        name="x", title="X", type="integer", aggregate="count", of="reviews",
        where=Compare(name="keywords", operator="has_any", operands=("size",)),
    )  # fmt: skip
    facts = reviews("Too small", None, "Lovely", "Wrong size")
    assert compile_fold({"x": about_size}, currency=None, words=WORDS)(facts, 1) == {"x": 2}
    assert compile_fold({"x": about_size}, currency=None)(facts, 1) == {"x": 0}


def test_a_single_row_tells_its_keywords_too():
    row = reviews("Muito caro").rows["reviews"][0]
    fields = compile_row("reviews", None, "", tuple(WORDS.items()))(row, 1, "UTC")
    assert fields["keywords"] == {"price"}
    assert "text" not in fields
