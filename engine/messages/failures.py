"""Turns whatever stopped a template into a `TemplateError` that its author can use.

Only names, places and the template's own lines are told: an exception's text may quote a customer's value, so the text
of an exception that we do not know is left out.
"""

import difflib
from collections.abc import Mapping
from types import TracebackType

from jinja2 import TemplatesNotFound, TemplateSyntaxError
from jinja2.exceptions import SecurityError, TemplateNotFound

from engine.messages.budget import BudgetSpent
from engine.messages.closing import NotOffered
from engine.messages.errors import TemplateError
from engine.messages.formats import FormatError
from engine.messages.sandbox import UnknownName

_ALLOWED = "values by their names, filters, if, for, macros, blocks, includes"


def explain(error: Exception, files: Mapping[str, str], name: str, values: Mapping[str, object]) -> TemplateError:
    """Says what is wrong, where, and what to do.

    Args:
        error: what stopped the template.
        files: template sources by short name.
        name: the template that was being filled in.
        values: what it was filled in with; only the top level's names are read.
    """
    file, line = _place(error, files, name)
    quote = _line(files.get(file, ""), line)

    def failure(code: str, found: str, expected: str, hint: str) -> TemplateError:
        return TemplateError(code, file, line, found, expected, hint, quote)

    match error:
        case UnknownName():
            return failure("template-variable-unknown", *_unknown(error, tuple(sorted(values)), quote))
        case FormatError():
            hint = "give a filter that suits it, `| default(…)`, or ask with `if` first"
            return failure("template-value", error.found, error.expected, hint)
        case NotOffered() | SecurityError():
            return failure("template-not-allowed", str(error), _ALLOWED, "templates only write values down")
        case BudgetSpent() | RecursionError() | MemoryError():
            found = (
                str(error)
                if isinstance(error, BudgetSpent)
                else "a template that nests, includes or calls itself too deeply"
            )
            return failure("template-too-much", found, "a message of ordinary size", "look for a loop without end")
        case TemplateNotFound():
            wanted = "" if isinstance(error, TemplatesNotFound) else _written(str(error.name), quote)
            hint = _close(wanted, tuple(files)) or "add the file to rules/templates/"
            return failure("template-missing", f"no file {wanted}".rstrip(), "a file of rules/templates/", hint)
        case TemplateSyntaxError():
            return failure("template-syntax", error.message or "a syntax error", "Jinja2", "mend the marked line")
    found = f"{type(error).__name__} while it was filled in"
    return failure("template-failed", found, "a template that suits every customer", "look at the marked line")


def _unknown(error: UnknownName, top: tuple[str, ...], quote: str) -> tuple[str, str, str]:
    name = _written(error.name, quote)
    found = f"no value named {name}" if name else "no value of a name that is itself a value"
    if error.owner and error.names is None:
        return found, "a group of values before it", f"{error.owner} has no parts"
    names = top if error.names is None else error.names
    return found, f"one of {', '.join(names) or 'none: the group is empty'}", _close(name, names) or "mend the name"


def _written(name: str, quote: str) -> str:
    """The name if the author wrote it; one that was made from a value may be personal."""
    return name if name in quote else ""


def _close(name: str, names: tuple[str, ...]) -> str:
    found = difflib.get_close_matches(name, names, 1)
    return f"did you mean {found[0]}?" if found else ""


def _place(error: Exception, files: Mapping[str, str], name: str) -> tuple[str, int]:
    if isinstance(error, TemplateSyntaxError):
        return error.name or name, error.lineno
    if isinstance(error, NotOffered) and error.line:
        return name, error.line
    file, line = name, 0
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in files:
            file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return file, line


def _line(source: str, line: int) -> str:
    lines = source.split("\n")
    return lines[line - 1][:200] if 0 < line <= len(lines) else ""
