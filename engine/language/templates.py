"""Names of templates and their files: `NAME.LOCALE.txt`, or `NAME.LOCALE.sms` for channels of short texts."""

from collections.abc import Collection, Iterable, Mapping

from engine.policy import Form

_SUFFIXES: Mapping[Form, str] = {"mail": ".txt", "sms": ".sms"}


def wanted_file(name: str, locale: str, form: Form = "mail") -> str:
    """The file that a template must have: its text in the policy's default locale."""
    return f"{name}.{locale}{_SUFFIXES[form]}"


def has_template(files: Collection[str], name: str, locale: str, form: Form = "mail") -> bool:
    """Whether a template has a text in a locale or, for `pt-BR`, in its language. Parts (`_NAME`) are no templates."""
    if name.startswith("_"):
        return False
    parts = locale.split("-")
    return any(wanted_file(name, "-".join(parts[:count]), form) in files for count in range(len(parts), 0, -1))


def template_names(files: Iterable[str], form: Form = "mail") -> frozenset[str]:
    """Names of all templates that have a text of a form in some locale."""
    suffix = _SUFFIXES[form]
    texts = [file for file in files if file.endswith(suffix) and file.count(".") >= 2 and not file.startswith("_")]
    return frozenset(file.rsplit(".", 2)[0] for file in texts)
