"""Names of templates and their files: `NAME.LOCALE.txt` beside other parts of the same message."""

from collections.abc import Collection, Iterable


def wanted_file(name: str, locale: str) -> str:
    """The file that a template must have: its text in the policy's default locale."""
    return f"{name}.{locale}.txt"


def has_template(files: Collection[str], name: str, locale: str) -> bool:
    """Whether a template has a text in a locale or, for `pt-BR`, in its language. Parts (`_NAME`) are no templates."""
    if name.startswith("_"):
        return False
    parts = locale.split("-")
    return any(wanted_file(name, "-".join(parts[:count])) in files for count in range(len(parts), 0, -1))


def template_names(files: Iterable[str]) -> frozenset[str]:
    """Names of all templates that have a text in some locale."""
    texts = [file for file in files if file.endswith(".txt") and file.count(".") >= 2 and not file.startswith("_")]
    return frozenset(file.rsplit(".", 2)[0] for file in texts)
