"""The function that finds an operator's words in a text: the fold's own, lent to the database.

No database folds case and finds whole words as `engine.attributes.keywords` does (`ß` and `SS`, accents written in two
ways, scripts without spaces), so that a statement which asks for keywords calls back.
"""

import hashlib
import json
from collections.abc import Callable

from engine.attributes.keywords import Words, keywords_of

Finder = Callable[[str], list[str]]


def function_name(words: Words) -> str:
    """A name for the function of these lists, another one for others."""
    told = json.dumps({name: list(each) for name, each in words.items()}, sort_keys=True)
    return f"keywords_{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def finder(words: Words) -> Finder:
    """A function of a text that gives the names of the lists of which it has a word, in order."""
    found = keywords_of(words)
    return lambda text: sorted(found(text))
