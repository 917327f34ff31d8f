"""A condition that is asked once, on the command line: the grammar of the rules, over the project's names."""

from engine.conditions.ast import Condition
from engine.language.conditions import compile_condition
from engine.language.events import events_of
from engine.language.files import shipped_contracts
from engine.language.issues import Issue, Report, ordered
from engine.language.reader import read
from engine.language.rules import Rules
from engine.language.scope import Scope, typed_attributes


def read_asked(rules: Rules, text: str, called: str) -> tuple[Condition | None, tuple[Issue, ...]]:
    """The condition, or None and what is wrong with it, each issue with its place in the text.

    Args:
        rules: the project's rules, whose attributes and names of standing may be used.
        text: the condition as YAML, such as `{paid_orders: {gte: 2}}`.
        called: what the text is called where issues name their file.
    """
    report = Report(called)
    tree = read(text, report)
    scope = Scope(
        what="an attribute",
        code="RG301",
        bare={**typed_attributes(rules.catalogue), **rules.names},
        events=events_of(shipped_contracts()).history,
    )
    condition = None if tree is None else compile_condition(tree, scope, report)
    issues = ordered(report.issues)
    sound = all(issue.severity != "error" for issue in issues)
    return (condition if sound else None), issues
