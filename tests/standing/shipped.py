"""All that ships and gives a standing, with more of a test's own."""

from collections.abc import Mapping

from engine.language.files import read_directory
from engine.language.rules import Rules, compile_rules, is_test
from tests.docs.pages import ROOT

LOOK_AGAIN = """
playbook: look-again
title: Look again
for: customer
start: {enters: {stage: pre-churn}}
controls: {purpose: service}
steps:
  - wait: 30d
"""
"""A playbook that a standing starts, and that does nothing yet."""


def shipped_standing(more: Mapping[str, str], *edit: str) -> Rules:
    """Everything but playbooks and campaigns, and more files; with one text in one file replaced.

    Args:
        more: texts of files by path.
        edit: a path, what is there, and what is to be there.
    """
    shipped = read_directory(ROOT / "rules")
    files = {path: text for path, text in shipped.items() if not path.startswith(("playbooks/", "campaigns/"))}
    files = {path: text for path, text in files.items() if not is_test(path)} | {**more}
    if edit:
        path, before, after = edit
        assert before in files[path]
        files[path] = files[path].replace(before, after)
    made = compile_rules(files)
    assert not [issue for issue in made.issues if issue.severity == "error"], made.issues
    return made
