"""A preview as text, for the terminal and for files."""

from collections.abc import Iterator

from engine.messages.segments import Length, beyond_gsm
from engine.preview.shown import Preview, Shown

_LINE = "─" * 72


def text_of(preview: Preview) -> str:
    """All messages as text, one below the other."""
    parts = ["\n".join(head_of(preview))]
    parts += ["\n".join(_message(shown)) for shown in preview.messages]
    parts += [] if preview.messages else ["It sends no message."]
    return "\n\n".join(parts) + "\n"


def head_of(preview: Preview) -> Iterator[str]:
    """Of which playbook, for whom, and what is passed over."""
    plan, recipient = preview.plan, preview.recipient
    yield f"{plan.title} ({plan.playbook}), rules version {plan.version}"
    yield f"Filled in for {recipient.who}: {recipient.why}."
    if recipient.examples:
        yield f"Example values, not the shop's: {', '.join(sorted(recipient.examples))}."
    if preview.passed_over:
        yield f"Not configured in policy.yaml, and passed over: {', '.join(preview.passed_over)}."


def _message(shown: Shown) -> Iterator[str]:
    yield _LINE
    yield title_of(shown)
    yield from (f"  {note}" for note in notes_of(shown))
    if shown.rendered is None:
        return
    yield ""
    yield from (f"  {line}".rstrip() for line in content_of(shown).splitlines())


def title_of(shown: Shown) -> str:
    """The step, and for whom this wording is."""
    letter = shown.letter
    when = f", where {letter.when}" if letter.when else ""
    return f"{letter.title[:1].upper()}{letter.title[1:]} (step {letter.step}){when}"


def notes_of(shown: Shown) -> Iterator[str]:
    """What is to be known of it besides what it says."""
    letter = shown.letter
    locale = shown.locale if shown.rendered is None else shown.rendered.locale
    instead = f", as there is none in {shown.locale}" if not shown.locale.startswith(locale) else ""
    yield f"by {' or '.join(letter.channels)}, template {letter.template} in {locale}{instead}"
    if letter.by and shown.gets_it is not None:
        yield (
            "this wording is the one that the recipient gets" if shown.gets_it else "the recipient gets another wording"
        )
    if shown.length is not None and shown.rendered is not None:
        yield measure_of(shown.rendered.text, shown.length)
    if shown.examples:
        yield f"example values in it: {', '.join(shown.examples)}"
    if shown.issue is not None:
        issue = shown.issue
        yield f"cannot be filled in: {issue.file}:{issue.line}: {issue.found}, expected {issue.expected}"


def measure_of(text: str, measured: Length) -> str:
    """How a short text goes over the air: `GSM-7, 143 characters, 1 segment`."""
    name = {"gsm-7": "GSM-7", "ucs-2": "UCS-2"}[measured.encoding]
    counted = f"{len(text)} character{'' if len(text) == 1 else 's'}"
    units = f" ({measured.units} units)" if measured.units != len(text) else ""
    segments = f"{measured.segments} segment{'' if measured.segments == 1 else 's'}"
    why = f"; UCS-2 because of {' '.join(beyond_gsm(text))}" if measured.encoding == "ucs-2" else ""
    return f"{name}, {counted}{units}, {segments}{why}"


def content_of(shown: Shown) -> str:
    """The subject, if it has one, and the text; nothing where it could not be filled in."""
    if shown.rendered is None:
        return ""
    subject = f"Subject: {shown.rendered.subject}\n\n" if shown.rendered.subject else ""
    return f"{subject}{shown.rendered.text.rstrip()}\n"
