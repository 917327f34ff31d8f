"""What is wrong with the templates of rules, as issues beside all others."""

from collections.abc import Iterator
from itertools import product

from engine.attributes.relations import SCOPES
from engine.journeys.plan import Coupon, Plan, Send
from engine.language.issues import Issue, ordered
from engine.language.rules import Rules
from engine.language.scope import SUBJECT_SCOPES
from engine.messages.check import sample_values, template_errors
from engine.messages.check_requests import request_issues
from engine.messages.errors import TemplateError
from engine.messages.render import RENDERERS
from engine.messages.templates import SUFFIXES, template_locales

_SUBJECTS = frozenset(SCOPES)


def template_issues(rules: Rules) -> tuple[Issue, ...]:
    """Templates that cannot be filled in, and those that name what a playbook's subject does not have.

    A playbook for a customer has no order, one for an order no parcel: a template that names what there is not would
    fail at its first send.
    """
    attributes = (*rules.catalogue, *rules.names)
    errors = template_errors(rules.templates, attributes)
    known = {(error.file, error.line) for error in errors}
    found = [issue_of("RG801", error, error.hint) for error in errors]
    for plan in (*rules.plans.values(), *(campaign.plan for campaign in rules.campaigns.values())):
        for error in _of_plan(plan, rules, attributes):
            if (error.file, error.line) not in known:
                hint = _hint(plan, error)
                found.append(issue_of("RG802", error, hint))
    return ordered((*found, *request_issues(rules)))


def _of_plan(plan: Plan, rules: Rules, attributes: tuple[str, ...]) -> Iterator[TemplateError]:
    """Errors of the plan's templates, filled in with what its subject has."""
    gives = any(isinstance(step, Coupon) for step in plan.code)
    absent = _SUBJECTS - set(SUBJECT_SCOPES[plan.subject]) | (set() if gives else {"coupon"})
    values = {name: value for name, value in sample_values(attributes=attributes).items() if name not in absent}
    for name, form in product(sorted(templates_of(plan)), SUFFIXES):
        for locale in template_locales(rules.templates, name, form):
            try:
                RENDERERS[form](rules.templates, name, (locale,), values)
            except TemplateError as error:
                yield error


def _hint(plan: Plan, error: TemplateError) -> str:
    if not plan.start.any:
        return f"campaign {plan.playbook} is for customers and gives no coupon; use another template, or one without it"
    if "coupon" in error.found:
        return f"playbook {plan.playbook} gives no coupon: add the step coupon before the message"
    return f"playbook {plan.playbook} is for {plan.subject}; use another template, or one without it"


def templates_of(plan: Plan) -> set[str]:
    """Names of the templates that a plan's messages may have."""
    names: set[str] = set()
    for step in plan.code:
        if isinstance(step, Send):
            template = step.template
            names |= {template} if isinstance(template, str) else {*template.cases.values(), template.default}
    return names


def issue_of(code: str, error: TemplateError, hint: str) -> Issue:
    """A template's error as an issue at its place."""
    line = max(error.line, 1)
    column = len(error.quote) - len(error.quote.lstrip()) + 1
    end = max(len(error.quote.rstrip()) + 1, column + 1)
    return Issue(code, f"templates/{error.file}", line, column, line, end, error.found, error.expected, hint)
