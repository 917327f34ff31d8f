"""The step send: one message by the first usable channel."""

from dataclasses import dataclass

from pydantic import Field

from engine.journeys.plan import Send, TemplateBy
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found
from engine.language.model import Model
from engine.language.operands import listed
from engine.language.scope import Scope, Typed
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.templates import has_template, template_names, wanted_file
from engine.language.validate import validate
from engine.language.values import Name, Names, TemplatePart, Text
from engine.language.words import name as in_words
from engine.policy import Form, Policy

KNOWN_CHANNELS = ("email", "sms", "push", "whatsapp", "messenger", "letter", "parcel")
"""Channels that a list may name although the policy does not configure them yet."""
_CHOOSING = ("boolean", "string", "integer")


class SendModel(Model):
    """Sends one message.

    ```yaml
    - send:
        id: first
        title: First reminder
        channel: [sms, email]
        template: {by: first_time_buyer, "true": welcome-unpaid, default: unpaid}
      on_failure: [{task: {team: sales, title: Tell them by hand}}]
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    channel: Names = Field(description="The channel, or several: the first that can reach the customer is used.")
    template: TemplatePart = Field(description="The template, or one for each value of an attribute.")


def compile_send(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction; channels and templates are checked against policy and files."""
    model = validate(SendModel, step.value, context.report, at=step.at)
    node = step.value if isinstance(step.value, Mapping) else None
    policy = context.policy
    template = compile_template(node, context.scope, policy, context.templates, context.report) if node else None
    if node and policy and (channel := node.entry("channel")):
        check_channels(policy, channel, context.report)
    if model is None or template is None:
        return Block(())
    label = f"{model.title or in_words(step.id)} by {one_of(model.channel)}"
    return Block((Send(id=step.id, label=label, channels=model.channel, template=template),))


def _has_names(node: Node) -> bool:
    items = [node] if isinstance(node, Scalar) else getattr(node, "items", ())
    return bool(items) and all(isinstance(item, Scalar) and isinstance(item.value, str) for item in items)


def check_channels(policy: Policy, entry: Entry, report: Report) -> None:
    """Each name must be a channel; the last, which always must be able to send, one that policy configures."""
    if not _has_names(entry.value):
        return
    configured = policy.channels
    known = (*configured, *(name for name in KNOWN_CHANNELS if name not in configured))
    scalars = [entry.value] if isinstance(entry.value, Scalar) else list(getattr(entry.value, "items", ()))
    for scalar in scalars:
        if scalar.text not in known:
            hint = did_you_mean(scalar.text, known)
            report.error("RG305", scalar.span, scalar.text, f"a channel: {one_of(configured or known)}", hint)
    last = scalars[-1]
    if last.text in known and last.text not in configured:
        hint = "add it to channels in policy.yaml" + (
            f", or end the list with {one_of(configured)}" if configured else ""
        )
        report.error("RG305", last.span, f"{last.text}, not configured", "a channel of policy.yaml", hint)


@dataclass(frozen=True, slots=True)
class _Files:
    policy: Policy | None
    templates: frozenset[str]
    report: Report
    forms: tuple[Form, ...]


def compile_template(
    node: Mapping, scope: Scope, policy: Policy | None, templates: frozenset[str], report: Report
) -> str | TemplateBy | None:
    """What stands under `template`: a template, or one for each value of an attribute."""
    value = node.get("template")
    files = _Files(policy, templates, report, _forms(node, policy))
    match value:
        case None:
            return None
        case Scalar():
            return _file(files, value)
        case Mapping():
            return _by(files, value, scope)
        case _:
            report.error(
                "RG203", value.span, found(value), "a template, or {by: attribute, VALUE: template, default: template}"
            )
            return None


def _forms(node: Mapping, policy: Policy | None) -> tuple[Form, ...]:
    """Which forms of a template its channels take, each once; a channel that is not configured takes none."""
    channel = node.get("channel")
    named = channel.items if isinstance(channel, Sequence) else (channel,)
    channels = policy.channels if policy else {}
    forms = [channels[each.text].form for each in named if isinstance(each, Scalar) and each.text in channels]
    return tuple(dict.fromkeys(forms)) or ("mail",)


def _file(files: _Files, node: Node) -> str | None:
    """The name of a template that exists, in every form that is wanted, in the policy's default locale."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        files.report.error("RG203", node.span, found(node), "the name of a template")
        return None
    if files.policy is None:
        return node.text
    locale = files.policy.locale
    missing = [form for form in files.forms if not has_template(files.templates, node.text, locale, form)]
    if not missing:
        return node.text
    wanted = wanted_file(node.text, locale, missing[0])
    names = template_names(files.templates, missing[0])
    hint = f"add {wanted} to rules/templates" if node.text in names else did_you_mean(node.text, names)
    files.report.error("RG306", node.span, node.text, f"a template: rules/templates/{wanted}", hint)
    return None


def _by(files: _Files, node: Mapping, scope: Scope) -> TemplateBy | None:
    report = files.report
    before = report.faults
    by, default = node.get("by"), node.get("default")
    cases = [entry for entry in node if entry.key not in ("by", "default")]
    for key, given in (("by", by), ("default", default)):
        if given is None:
            report.error("RG202", node.span, f"no key {key}", f"the key {key}")
    attribute = _attribute(by, scope, report) if by is not None else ""
    if not cases:
        report.error("RG211", node.span, "no cases", "a template for at least one value", "VALUE: template")
    if attribute:
        _check_cases(cases, scope.bare[attribute], report)
    texts = {entry.key: _file(files, entry.value) for entry in cases}
    otherwise = _file(files, default) if default is not None else None
    if report.faults > before or not attribute or otherwise is None:
        return None
    return TemplateBy(by=attribute, cases={key: text for key, text in texts.items() if text}, default=otherwise)


def _attribute(node: Node, scope: Scope, report: Report) -> str:
    name = node.text if isinstance(node, Scalar) else ""
    if scope.disables(name):
        report.warning("RG313", node.span, name, "a sound attribute", "correct it first: it has errors of its own")
        return ""
    if name not in scope.bare:
        report.error("RG301", node.span, found(node), "an attribute", did_you_mean(name, scope.bare))
        return ""
    if scope.bare[name].type not in _CHOOSING:
        kind = scope.bare[name].type
        report.error("RG402", node.span, f"{name}, of type {kind}", f"an attribute of type {one_of(_CHOOSING)}")
    return name


def _check_cases(cases: list[Entry], typed: Typed, report: Report) -> None:
    """A case that can never come is a slip."""
    for entry in cases:
        if typed.type == "boolean" and entry.key not in ("true", "false"):
            report.error("RG401", entry.span, entry.key, "the case true or false")
        elif typed.choices is not None:
            listed(Scalar(entry.span, entry.key, entry.key), entry.key, typed, report)


SEND = StepKind("send", "Sends one message by the first usable channel.", compile_send, SendModel)
