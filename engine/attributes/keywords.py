"""Words of the operator's lists in a text: case folded, whole words, in any script.

A word is whole where no letter, digit or underscore touches it. Scripts that write without spaces (Chinese, Japanese,
Thai, ...) have no such boundary: a word that begins or ends in one may stand anywhere on that side.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

Words = Mapping[str, Sequence[str]]
"""Word lists by name."""

_REMEMBERED = 1024
_UNSPACED = ("CJK ", "HIRAGANA ", "KATAKANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ")


def keywords_of(words: Words) -> Callable[[str | None], frozenset[str]]:
    """A function that gives the names of the lists of which a text has a word."""
    patterns = [(name, re.compile(pattern)) for name, each in words.items() if (pattern := _pattern(each))]

    # An attribute and a question for events look into the same text of the same customer one after the other.
    @lru_cache(maxsize=_REMEMBERED)
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
    """Longer words first; a space in a word stands for any white space. Empty without words.

    Words with the same boundaries share them, so that most places of a text are passed over by one look.
    """
    folded = sorted({" ".join(fold_case(word).split()) for word in words} - {""}, key=lambda word: (-len(word), word))
    bounded: dict[tuple[str, str], list[str]] = {}
    for word in folded:
        ends = ("" if _unspaced(word[0]) else r"(?<!\w)", "" if _unspaced(word[-1]) else r"(?!\w)")
        bounded.setdefault(ends, []).append(r"\s+".join(re.escape(part) for part in word.split(" ")))
    return "|".join(f"{before}(?:{'|'.join(each)}){after}" for (before, after), each in bounded.items())


def _unspaced(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_UNSPACED)
