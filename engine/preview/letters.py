"""Which messages a playbook can send: each step, each wording, each form, each language."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.conditions.types import Value
from engine.journeys.plan import Plan, Send, TemplateBy, case_of
from engine.language.issues import Issue, Report, Span, one_of
from engine.language.located import Mapping as Located
from engine.language.located import Node, Scalar
from engine.language.located import Sequence as Listed
from engine.language.reader import read
from engine.language.rules import Rules, is_test
from engine.language.steps.block import blocks_of
from engine.language.steps.numbering import number
from engine.language.steps.registry import KINDS
from engine.messages.templates import SUFFIXES, template_locales
from engine.policy import Form, Policy


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that may be sent.

    Attributes:
        step: the step's id.
        title: the step in words.
        channels: those of its channels that take this form, in their order.
        form: subject, text and HTML, or a short text.
        template: the name without a language.
        when: for whom this wording is; empty: for everybody.
        values: those of the attribute that chooses it; none for everybody else, and where nothing chooses.
        by: the attribute that chooses.
        others: values that choose another wording.
    """

    step: str
    title: str
    channels: tuple[str, ...]
    form: Form
    template: str
    when: str = ""
    values: tuple[str, ...] = ()
    by: str = ""
    others: tuple[str, ...] = ()

    def is_for(self, known: Mapping[str, Value]) -> bool:
        """Whether somebody with these values of attributes gets this wording."""
        if not self.by:
            return True
        value = known.get(self.by)
        text = None if value is None else case_of(value)
        return text in self.values if self.values else text not in self.others


def letters_of(plan: Plan, policy: Policy) -> Iterator[Letter]:
    """All messages of a playbook, in the order of its steps; of a wording that several values choose one."""
    for step in plan.code:
        if isinstance(step, Send):
            for form, channels in _forms(step, policy).items():
                for template, when, by, values, others in _wordings(step):
                    yield Letter(step.id, step.label, channels, form, template, when, values, by, others)


def passed_over(plan: Plan, policy: Policy) -> tuple[str, ...]:
    """Channels that the playbook names and the policy does not configure."""
    named = (channel for step in plan.code if isinstance(step, Send) for channel in step.channels)
    return tuple(dict.fromkeys(channel for channel in named if channel not in policy.channels))


def _forms(step: Send, policy: Policy) -> dict[Form, tuple[str, ...]]:
    forms: dict[Form, tuple[str, ...]] = {}
    for channel in step.channels:
        if (configured := policy.channels.get(channel)) is not None:
            forms[configured.form] = (*forms.get(configured.form, ()), channel)
    return forms


def _wordings(step: Send) -> Iterator[tuple[str, str, str, tuple[str, ...], tuple[str, ...]]]:
    """Template, for whom, by which attribute, which of its values, and the values of the other wordings."""
    template = step.template
    if isinstance(template, str):
        yield template, "", "", (), ()
        return
    for name, values in _cases(template).items():
        others = tuple(value for value in template.cases if value not in values)
        yield name, f"{template.by} is {one_of(values)}", template.by, values, others
    yield template.default, f"{template.by} is anything else", template.by, (), tuple(template.cases)


def _cases(template: TemplateBy) -> dict[str, tuple[str, ...]]:
    by_name: dict[str, tuple[str, ...]] = {}
    for value, name in template.cases.items():
        by_name[name] = (*by_name.get(name, ()), value)
    return by_name


def languages_of(letters: Sequence[Letter], templates: Mapping[str, str]) -> tuple[str, ...]:
    """The languages in which any of the messages has a text."""
    found = {locale for each in letters for locale in template_locales(templates, each.template, each.form)}
    return tuple(sorted(found))


def missing_texts(rules: Rules, plan: Plan, letters: Sequence[Letter], locales: Sequence[str]) -> list[Issue]:
    """An issue for each text that is not there in one of the languages, where the playbook names its template."""
    file, places = _places(rules, plan.playbook)
    issues: dict[tuple[str, str, str], Issue] = {}
    for letter in letters:
        for locale in locales:
            known = template_locales(rules.templates, letter.template, letter.form)
            if locale in known or locale.partition("-")[0] in known:
                continue
            wanted = f"{letter.template}.{locale}{SUFFIXES[letter.form]}"
            at = places.get((letter.step, letter.template), Span())
            issues.setdefault((letter.step, letter.template, wanted), _missing(file, at, letter, locale, wanted, rules))
    return list(issues.values())


def _missing(file: str, at: Span, letter: Letter, locale: str, wanted: str, rules: Rules) -> Issue:
    return Issue(
        code="RG306",
        file=file,
        line=at.line,
        column=at.column,
        end_line=at.end_line,
        end_column=at.end_column,
        found=f"{letter.template}, without a text in {locale}",
        expected=f"rules/templates/{wanted}",
        hint=f"until it is there, customers who read {locale} get {rules.policy.locale}",
    )


def _places(rules: Rules, playbook: str) -> tuple[str, dict[tuple[str, str], Span]]:
    """The playbook's file, and where it names each template of each step."""
    for path, text in rules.files.items():
        if not path.endswith((".yaml", ".yml")) or is_test(path):
            continue
        root = read(text, Report(path))
        named = root.get("playbook") if isinstance(root, Located) else None
        if isinstance(root, Located) and isinstance(named, Scalar) and named.text == playbook:
            steps = root.get("steps")
            ids = number(steps, KINDS, Report(path)).ids
            return path, dict(_templates(steps, ids))
    return f"playbooks/{playbook}.yaml", {}


def _templates(steps: Node | None, ids: Mapping[Span, str]) -> Iterator[tuple[tuple[str, str], Span]]:
    for item in steps.items if isinstance(steps, Listed) else ():
        if not isinstance(item, Located):
            continue
        send = item.get("send")
        template = send.get("template") if isinstance(send, Located) else None
        named = [each.value for each in template if each.key != "by"] if isinstance(template, Located) else [template]
        for node in named:
            if isinstance(node, Scalar):
                yield (ids[item.span], node.text), node.span
        for nested in blocks_of(item):
            yield from _templates(nested, ids)
