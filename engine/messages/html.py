"""From MJML, filled in, to the responsive HTML that mail programs show."""

import re
from collections.abc import Mapping

import mrml

from engine.messages.errors import TemplateError
from engine.messages.nesting import is_deeper

MAX_DEPTH = 100
MAX_HTML = 512 * 1024

_POSITION = re.compile(r"(\d+):(\d+)\s*$")
_LEFT_OVER = re.compile(r"<(mj-[a-z-]+)")


def to_html(mjml: str, files: Mapping[str, str], name: str) -> str:
    """The HTML of an MJML document. Loads nothing: no include, no font.

    Args:
        mjml: the document, filled in.
        files: template sources by short name, to point at the line that is wrong.
        name: the template's name.

    Raises:
        TemplateError: it is not MJML.
    """
    if is_deeper(mjml, MAX_DEPTH):
        raise _too_much(name, f"more than {MAX_DEPTH} elements within each other", "the nesting of a letter")
    parser = mrml.ParserOptions(include_loader=mrml.noop_loader())
    options = mrml.RenderOptions(disable_comments=False, fonts={})
    try:
        html = mrml.to_html(mjml, parser, options).content
    except OSError as error:
        raise _broken(str(error), mjml, files, name) from None
    left = _LEFT_OVER.search(html)
    if left is not None:
        file, line, quote = _source_line(files, name, f"<{left[1]}")
        found = f"the element {left[1]}"
        raise TemplateError("template-mjml", file, line, found, "an element of MJML", "see mjml.io for them", quote)
    if len(html) > MAX_HTML:
        raise _too_much(name, f"{len(html) // 1024} KB of HTML", f"at most {MAX_HTML // 1024} KB")
    return html


def _too_much(name: str, found: str, expected: str) -> TemplateError:
    return TemplateError("template-too-much", name, 0, found, expected, "look for a loop that writes too much")


def _broken(message: str, mjml: str, files: Mapping[str, str], name: str) -> TemplateError:
    """The parser gives offsets into the filled-in document, whose text may be a customer's: only its tags are told."""
    at = _POSITION.search(message)
    line = mjml[: int(at[1])].count("\n") if at else -1
    lines = mjml.split("\n")
    file, number, quote = _source_line(files, name, lines[line].strip()) if 0 <= line < len(lines) else (name, 0, "")
    what = _POSITION.sub("", message).removesuffix("at position ").strip() if at else message
    hint = "close every element, quote every attribute, write & as &amp;"
    return TemplateError("template-mjml", file, number, _words(what), "a well-formed MJML document", hint, quote)


def _words(message: str) -> str:
    """The parser's sentence without anything it quotes."""
    return re.sub(r"[\"'`].*[\"'`]", "…", message)[:120] or "no MJML"


def _source_line(files: Mapping[str, str], name: str, text: str) -> tuple[str, int, str]:
    """Where a piece of markup stands in the templates, if it does: the template's own file first."""
    if text:
        for file in (name, *sorted(each for each in files if each.endswith(".mjml") and each != name)):
            for number, line in enumerate(files.get(file, "").split("\n"), 1):
                if text in line:
                    return file, number, line[:200]
    return name, 0, ""
