"""Words of the operator's lists in a text: case folded, whole words, in any script.

A word is whole where no letter, digit or underscore touches it. Scripts that write without spaces (Chinese, Japanese,
Thai, ...) have no such boundary: a word that begins or ends in one may stand anywhere on that side.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

Words = Mapping[str, Sequence[str]]
"""Word lists by name."""

_UNSPACED = ("CJK ", "HIRAGANA ", "KATAKANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ")


def keywords_of(words: Words) -> Callable[[str | None], frozenset[str]]:
    """A function that gives the names of the lists of which a text has a word."""
    patterns = [(name, re.compile(pattern)) for name, each in words.items() if (pattern := _pattern(each))]

    def keywords(text: str | None) -> frozenset[str]:
        if not text:
            return frozenset()
        folded = fold_case(text)
        return frozenset(name for name, pattern in patterns if pattern.search(folded))

    return keywords


def fold_case(text: str) -> str:
    """The text as words are compared: case folded, and composed so that an accent is written in one way."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _pattern(words: Sequence[str]) -> str:
    """Longer words first; a space in a word stands for any white space. Empty without words."""
    folded = sorted({" ".join(fold_case(word).split()) for word in words} - {""}, key=lambda word: (-len(word), word))
    return "|".join(_bounded(word) for word in folded)


def _bounded(word: str) -> str:
    escaped = r"\s+".join(re.escape(part) for part in word.split(" "))
    before = "" if _unspaced(word[0]) else r"(?<!\w)"
    after = "" if _unspaced(word[-1]) else r"(?!\w)"
    return f"{before}{escaped}{after}"


def _unspaced(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_UNSPACED)
