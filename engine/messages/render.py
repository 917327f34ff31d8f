"""Fills a message template in for one customer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.messages.budget import Budget
from engine.messages.errors import TemplateError
from engine.messages.failures import explain
from engine.messages.formats import Formats
from engine.messages.html import to_html
from engine.messages.links import refused_in_html, refused_in_text
from engine.messages.locales import formatting_locale
from engine.messages.message import Rendered
from engine.messages.sandbox import MessageEnvironment
from engine.messages.segments import MAX_SEGMENTS, length
from engine.messages.templates import Part, by_short_name, find_short_text, find_template

_LINE_BREAKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
# In names out of old systems; no MJML may hold them, and no reader wants them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_BLANK_LINES = re.compile(r"\n{3,}")
_MAX_SUBJECT = 400


def render(templates: Mapping[str, str], name: str, locale_chain: Sequence[str], values: Mapping[str, Any]) -> Rendered:
    """Fills in the subject, the text and, if there is one, the HTML of a template.

    Args:
        templates: sources by their path below `rules/` or `rules/templates/`.
        name: the template's name, as a `send` gives it.
        locale_chain: locales to look for, best first; see `engine.messages.locales.locale_chain`.
        values: what templates may name, as `engine.messages.values.message_values` gives it. Unknown values are None.

    Raises:
        TemplateError: the template is absent, broken or unsafe, or cannot be filled in with these values.
    """
    files = by_short_name(templates)
    template = find_template(files, name, locale_chain)
    filling = _Filling(files, template.locale, locale_chain, values)
    subject = _one_line(filling.text(template.subject), template.subject.name)
    text = _BLANK_LINES.sub("\n\n", filling.text(template.text)).strip() + "\n"
    _refuse(template.text.name, refused_in_text(text))
    html = filling.html(template.html) if template.html else None
    return Rendered(subject, text, html, template.locale)


def render_short(
    templates: Mapping[str, str], name: str, locale_chain: Sequence[str], values: Mapping[str, Any]
) -> Rendered:
    """Fills in the short text of a template: no subject, no HTML, few segments. Arguments are those of `render`.

    Raises:
        TemplateError: as `render`; also if the text has no words or too many.
    """
    files = by_short_name(templates)
    locale, part = find_short_text(files, name, locale_chain)
    text = _BLANK_LINES.sub("\n\n", _Filling(files, locale, locale_chain, values).text(part)).strip()
    _refuse(part.name, refused_in_text(text))
    segments = length(text).segments
    if not text or segments > MAX_SEGMENTS:
        found = f"a short text of {segments} segments" if text else "no text"
        expected = f"one of 1 to {MAX_SEGMENTS} segments"
        raise TemplateError("template-short-text", part.name, 0, found, expected, "shorten it, or give it words")
    return Rendered("", text, None, locale)


RENDERERS = {"mail": render, "sms": render_short}
"""By the form that a channel takes."""


class _Filling:
    """One message being filled in: its formats, its budget, its values."""

    def __init__(self, files: Mapping[str, str], locale: str, chain: Sequence[str], values: Mapping[str, Any]) -> None:
        self._files = files
        self._values = {**values, "locale": locale}
        self._formats = Formats(formatting_locale(locale, chain), _zone(values))
        self._budget = Budget()

    def text(self, part: Part) -> str:
        return self._filled(part, escape=False)

    def html(self, part: Part) -> str:
        html = to_html(self._filled(part, escape=True), self._files, part.name)
        _refuse(part.name, refused_in_html(html))
        return html

    def _filled(self, part: Part, *, escape: bool) -> str:
        try:
            environment = MessageEnvironment(self._files, self._formats, self._budget, escape=escape)
            pieces = []
            for piece in environment.part(part).generate(self._values):
                self._budget.output(len(piece))
                pieces.append(piece)
            return _UNPRINTABLE.sub(" ", "".join(pieces))
        except Exception as error:  # noqa: BLE001 -- a template can fail in any way, and none may stop another customer's
            raise explain(error, self._files, part.name, self._values) from None


def _zone(values: Mapping[str, Any]) -> ZoneInfo:
    customer = values.get("customer")
    name = customer.get("zone") if isinstance(customer, Mapping) else None
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _one_line(subject: str, file: str) -> str:
    """A subject is one line whatever was filled in: a line break in a value must not become a header."""
    line = _LINE_BREAKS.sub(" ", subject).strip()
    if not line or len(line) > _MAX_SUBJECT:
        found = f"a subject of {len(line)} characters" if line else "an empty subject"
        expected = f"one of 1 to {_MAX_SUBJECT} characters"
        raise TemplateError("template-subject", file, 1, found, expected, "shorten it, or give it words of its own")
    return line


def _refuse(file: str, problem: str | None) -> None:
    if problem is not None:
        hint = "link to https://… or mailto:…, and check the value that the link is made of"
        raise TemplateError("template-link", file, 0, problem, "links with http, https or mailto", hint)
