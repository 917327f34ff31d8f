"""Finding a message's template among the rules' files, and taking it apart.

`NAME.LOCALE.txt` holds a header (`Subject: …`), a blank line and the text; `NAME.LOCALE.mjml`, if there, the HTML body;
`NAME.LOCALE.sms` a short text without a header, for channels that take no other.
Files whose names begin with `_` are parts that others include.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from engine.messages.errors import TemplateError
from engine.policy import Form

SUFFIXES: Mapping[Form, str] = {"mail": ".txt", "sms": ".sms"}
"""Of the file that a template must have in each form."""
_FOLDERS = ("rules", "templates")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a template file; `line` is where it begins in the file, from 1."""

    name: str
    source: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """The parts of one message in one locale."""

    locale: str
    subject: Part
    text: Part
    html: Part | None


def short_name(path: str) -> str:
    """The name that an include uses: the path below `rules/templates/`."""
    parts = PurePosixPath(path).parts
    while parts and parts[0] in _FOLDERS:
        parts = parts[1:]
    return "/".join(parts)


def by_short_name(templates: Mapping[str, str]) -> dict[str, str]:
    """The same files by their short names."""
    return {short_name(path): source for path, source in templates.items()}


def template_names(templates: Mapping[str, str], form: Form = "mail") -> frozenset[str]:
    """Names that a `send` may use: those with a text of this form in any locale."""
    return frozenset(name for name, _ in _texts(by_short_name(templates), form))


def template_locales(templates: Mapping[str, str], name: str, form: Form = "mail") -> tuple[str, ...]:
    """The locales that have a text of this name and form, sorted."""
    return tuple(sorted(locale for found, locale in _texts(by_short_name(templates), form) if found == name))


def _texts(files: Mapping[str, str], form: Form) -> list[tuple[str, str]]:
    """(name, locale) of every text file that is a message."""
    texts, suffix = [], SUFFIXES[form]
    for path in files:
        name, _, locale = path.removesuffix(suffix).rpartition(".")
        if path.endswith(suffix) and name and not PurePosixPath(path).name.startswith("_"):
            texts.append((name, locale))
    return texts


def find_template(files: Mapping[str, str], name: str, chain: Sequence[str]) -> MessageTemplate:
    """The template of this name in the first locale of the chain that has a text.

    Args:
        files: template sources by short name.
        name: the template's name, as a `send` gives it.
        chain: locales, best first.

    Raises:
        TemplateError: there is none, or its header is not as it should be.
    """
    for locale in chain:
        path = f"{name}.{locale}.txt"
        if path in files:
            subject, text = split_header(path, files[path])
            html = f"{name}.{locale}.mjml"
            return MessageTemplate(locale, subject, text, Part(html, files[html]) if html in files else None)
    raise _missing(files, name, chain, "mail")


def find_short_text(files: Mapping[str, str], name: str, chain: Sequence[str]) -> tuple[str, Part]:
    """The short text of this name in the first locale of the chain that has one, with that locale.

    Raises:
        TemplateError: there is none.
    """
    for locale in chain:
        path = f"{name}.{locale}{SUFFIXES['sms']}"
        if path in files:
            return locale, Part(path, files[path].removeprefix("\ufeff").replace("\r\n", "\n"))
    raise _missing(files, name, chain, "sms")


def _missing(files: Mapping[str, str], name: str, chain: Sequence[str], form: Form) -> TemplateError:
    suffix = SUFFIXES[form]
    locales = template_locales(files, name, form)
    names = {found for found, _ in _texts(files, form)}
    close = difflib.get_close_matches(name, names, 1)
    if locales:
        wanted = f"{name}.{chain[-1] if chain else locales[0]}{suffix}"
        hint = f"add {wanted}: the policy's default locale serves everybody else"
    elif close:
        hint = f"did you mean {close[0]}?"
    else:
        hint = "add the file to rules/templates/, or name one that is there"
    return TemplateError(
        code="template-missing",
        file=f"{name}.{chain[0] if chain else 'LOCALE'}{suffix}",
        line=0,
        found=f"locales {', '.join(locales)}" if locales else "no such file",
        expected=f"a text in one of: {', '.join(chain) or 'no locale was asked for'}",
        hint=hint,
    )


def split_header(path: str, source: str) -> tuple[Part, Part]:
    """Takes a text file apart into its subject and its body.

    Raises:
        TemplateError: the file does not begin with a subject and a blank line.
    """
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    first = lines[0] if lines else ""
    name, colon, subject = first.partition(":")
    if not colon or name.strip().lower() != "subject" or not subject.strip():
        raise _bad_header(path, 1, first or "an empty file", "Subject: and the subject's text")
    if len(lines) < 2 or lines[1].strip():
        raise _bad_header(path, 2, lines[1] if len(lines) > 1 else "the end of the file", "a blank line")
    if not any(line.strip() for line in lines[2:]):
        raise _bad_header(path, 3, "no text", "the text of the message")
    return Part(path, subject.strip()), Part(path, "\n".join(lines[2:]).rstrip() + "\n", 3)


def _bad_header(path: str, line: int, found: str, expected: str) -> TemplateError:
    return TemplateError(
        code="template-header",
        file=path,
        line=line,
        found=found,
        expected=expected,
        hint="a text template begins with `Subject: …`, then a blank line, then the text",
    )
