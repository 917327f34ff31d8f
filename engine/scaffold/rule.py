"""New rules in a project: one attribute, segment or playbook, commented, sound, and with its test."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from engine.language.issues import Issue
from engine.language.render import FORMATS
from engine.language.rules import Rules, compile_rules, load_rules
from engine.messages.check_rules import template_issues
from engine.scaffold.project import ScaffoldError, shipped_rules
from engine.scaffold.schemas import SCHEMAS, write_schemas
from engine.servers.project import Project

Kind = Literal["attribute", "segment", "playbook"]
"""What `regulars new` makes."""

_TEXTS = Path(__file__).with_name("starter") / "new"
_FOLDERS: Mapping[Kind, str] = {"attribute": "attributes", "segment": "segments", "playbook": "playbooks"}
_NAMES: Mapping[Kind, tuple[re.Pattern[str], str]] = {
    "attribute": (re.compile(r"[a-z][a-z0-9_]*"), "small letters, digits and underscores, such as orders_60d"),
    "segment": (re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"), "small letters, digits and dashes, such as my-best"),
    "playbook": (re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"), "small letters, digits and dashes, such as win-back"),
}
_MOST_LETTERS = 60
_LAYOUT = "templates/_layout.mjml"


def create_rule(project: Project, kind: Kind, name: str) -> list[Path]:
    """Writes a new rule, with its test and its texts, and the schemas that then offer its name.

    Nothing is written unless the project with the new files has no mistake that it did not have before.

    Returns:
        The files of rules that were written, the rule itself first.

    Raises:
        SetupError: the name is taken or cannot be used, the rule would not be sound here, or cannot be written.
    """
    _refuse_name(kind, name)
    try:
        before = load_rules(project.rules)
        _refuse_taken(before, kind, name)
        files = _files(project, before, kind, name)
        for path in files:
            if (project.rules / path).exists():
                raise ScaffoldError("file-exists", f"there is a {project.rules / path} already", "choose another name")
        after = compile_rules({**before.files, **files})
        _refuse_unsound(before, after)
        for path, text in files.items():
            (project.rules / path).parent.mkdir(parents=True, exist_ok=True)
            (project.rules / path).write_text(text, "utf-8")
        write_schemas(project.root, after)
    except OSError as error:
        hint = "see that the project is there and may be written"
        raise ScaffoldError("not-writable", f"{error.filename}: {error.strerror}", hint) from None
    return [project.rules / path for path in files]


def _refuse_name(kind: Kind, name: str) -> None:
    pattern, expected = _NAMES[kind]
    if not pattern.fullmatch(name) or len(name) > _MOST_LETTERS:
        wanted = re.sub(r"[^a-z0-9]+", "_" if kind == "attribute" else "-", name.lower()).strip("-_")[:_MOST_LETTERS]
        hint = f"did you mean {wanted}?" if pattern.fullmatch(wanted) else f"at most {_MOST_LETTERS} {expected}"
        raise ScaffoldError("bad-name", f"{name!r} is no name of {_article(kind)}; expected {expected}", hint)


def _refuse_taken(rules: Rules, kind: Kind, name: str) -> None:
    segments = rules.names["segments"].choices or () if "segments" in rules.names else ()
    sound = {"attribute": rules.catalogue.keys(), "segment": {*rules.standing.segments, *segments}}
    if name in sound.get(kind, rules.plans.keys()) or f"{kind} {name}" in rules.disabled:
        raise ScaffoldError("name-taken", f"there is {_article(kind)} {name} already", "choose another name")


def _refuse_unsound(before: Rules, after: Rules) -> None:
    """The language itself knows best what cannot be: a reserved name, or rules that the new one does not fit."""
    known = {(issue.code, issue.file, issue.found) for issue in _mistakes(before)}
    new = [issue for issue in _mistakes(after) if (issue.code, issue.file, issue.found) not in known]
    if new:
        told = FORMATS["text"](new, after.files, "rules/")
        hint = "choose another name, or correct what the new rule needs; nothing was written"
        raise ScaffoldError("unsound-here", f"the new rule would not be sound in this project:\n{told}", hint)


def _mistakes(rules: Rules) -> list[Issue]:
    return [issue for issue in (*rules.issues, *template_issues(rules)) if issue.severity == "error"]


def _files(project: Project, rules: Rules, kind: Kind, name: str) -> dict[str, str]:
    """Texts by path relative to the rules."""
    folder = _FOLDERS[kind]
    words = {
        "NAME": name,
        "TITLE": name.replace("_", " ").replace("-", " ").capitalize(),
        "SCHEMA": _schema(project, folder, kind if kind == "playbook" else folder),
        "TEST_SCHEMA": _schema(project, folder, "test"),
        "PURPOSE": _first("service", rules.policy.purposes),
        "CHANNEL": _first("email", rules.policy.channels),
    }
    files = {f"{folder}/{name}{ending}": _text(f"{kind}{ending}", words) for ending in (".yaml", ".test.yaml")}
    if kind != "playbook":
        return files
    for ending in ("mjml", "txt"):
        files[f"templates/{name}.{rules.policy.locale}.{ending}"] = _text(f"playbook.{ending}", words)
    if _LAYOUT not in rules.files:
        files[_LAYOUT] = (shipped_rules() / _LAYOUT).read_text("utf-8")
    return files


def _text(file: str, words: Mapping[str, str]) -> str:
    text = (_TEXTS / file).read_text("utf-8")
    for key, word in words.items():
        text = text.replace(f"@{key}@", word)
    return text


def _schema(project: Project, folder: str, kind: str) -> str:
    file = SCHEMAS / f"{kind}.schema.json"
    return Path(os.path.relpath(project.root / file, project.rules / folder)).as_posix()


def _first(wanted: str, there: Mapping[str, object]) -> str:
    """The usual one, or the first that the project has; where it has none, the check says so."""
    return wanted if wanted in there or not there else next(iter(there))


def _article(kind: Kind) -> str:
    return f"an {kind}" if kind == "attribute" else f"a {kind}"
