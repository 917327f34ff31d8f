"""The function that finds an operator's words in a text, as Spark's processes of Python load it."""

from typing import Any

from engine.attributes.keywords import Words, keywords_of


class Finder:
    """Finds words in a text, in a process of Spark's: the patterns are made there, where they are first asked for."""

    def __init__(self, words: Words) -> None:
        self._words = {name: tuple(each) for name, each in words.items()}
        self._found: Any = None

    def __call__(self, text: str | None) -> list[str]:
        """The names of the lists of which the text has a word, in order."""
        if self._found is None:
            self._found = keywords_of(self._words)
        return sorted(self._found(text))

    def __getstate__(self) -> dict[str, Any]:
        """Without the patterns."""
        return {"_words": self._words, "_found": None}
