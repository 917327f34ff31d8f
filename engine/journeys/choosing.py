"""Which case of a switch and which template a value chooses."""

from engine.conditions.types import Value
from engine.journeys.plan import TemplateBy


def value_text(value: Value) -> str | None:
    """A value as rules write it; none if it is not known."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def template_of(choice: TemplateBy, value: Value) -> str:
    """The template of a value."""
    text = value_text(value)
    return choice.default if text is None else choice.cases.get(text, choice.default)
