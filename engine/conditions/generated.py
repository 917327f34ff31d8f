"""Functions made from generated source: the one place where it is run.

The source is written by this package and by the fold alone. Nothing of a rule's text gets into it but literals made
by `literal`; other values are handed over as constants.
"""

from collections.abc import Callable, Iterable
from typing import Any

_PLAIN = (bool, int, str)


class Constants:
    """Values that generated source names."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def literal(self, value: object) -> str:
        """Source of a value: a literal where it is plain, else the name of a constant."""
        if type(value) in _PLAIN:
            return repr(value)
        if isinstance(value, frozenset) and value and all(type(each) in _PLAIN for each in value):
            return "{" + ", ".join(sorted(map(repr, value))) + "}"
        return self.name(value)

    def name(self, value: object) -> str:
        """The name of a constant that holds a value."""
        name = f"k{len(self.values)}"
        self.values[name] = value
        return name


def function(arguments: str, body: Iterable[str], constants: Constants) -> Callable[..., Any]:
    """A function of the arguments with the body's lines."""
    source = f"def generated({arguments}):\n" + "\n".join(f"    {line}" for line in body)
    namespace: dict[str, Any] = dict(constants.values)
    exec(compile(source, "<generated>", "exec"), namespace)  # noqa: S102 -- our own source, literals made by repr
    made: Callable[..., Any] = namespace["generated"]
    return made
