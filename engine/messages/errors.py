"""What can be wrong with a template, told so that the person who wrote it can mend it."""

from dataclasses import dataclass


@dataclass(eq=False)
class TemplateError(Exception):
    """A template that is absent, broken, or cannot be filled in for one customer.

    Never holds a value of the customer's: only names, places and the template's own text.

    Attributes:
        code: stable name of the kind of error, such as `template-variable-unknown`.
        file: path of the template file, or of the one that was looked for first.
        line: line in that file, from 1; 0 when the error has no line.
        found: what is there.
        expected: what should be there.
        hint: what to do.
        quote: the line of the template, as written.
    """

    code: str
    file: str
    line: int
    found: str
    expected: str
    hint: str
    quote: str = ""

    def __str__(self) -> str:
        """All of it on a few lines, as a terminal shows it."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        lines = [f"{place}: {self.code}: {self.found}; expected {self.expected}"]
        lines += [f"    {self.quote.strip()}"] if self.quote.strip() else []
        return "\n".join([*lines, f"  hint: {self.hint}"])
