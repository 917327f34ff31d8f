"""The step webhook: tells another system."""

from urllib.parse import urlsplit

from pydantic import Field

from engine.journeys.plan import Webhook
from engine.language.issues import one_of
from engine.language.located import Mapping, Scalar
from engine.language.model import Model
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.steps.values import Given, read_given
from engine.language.validate import mapping, validate
from engine.language.values import Name, PlainPart, Text
from engine.policy import address_setting


class WebhookModel(Model):
    """Tells another system that the step was reached: a signed request with ids and with what the rules say.

    `to` names the system, whose address is a setting: that of `crm` is `REGULARS_WEBHOOK_CRM_URL`. An address that
    holds no secret may stand in the rules, as `url`.

    ```yaml
    - webhook: {id: tell, to: crm, body: {what: unpaid, orders: {attribute: paid_orders}}}
    - webhook: {id: say, url: "https://crm.example.com/hook"}
    ```
    """

    id: Name = Field(description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    to: Name | None = Field(default=None, description="The system, whose address is a setting of the worker.")
    url: Text | None = Field(default=None, description="The address, if it holds no secret.")
    body: PlainPart = Field(default=None, description="What is told, by key: values, or {attribute: name}.")


def compile_webhook(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction."""
    before = context.report.faults
    model = validate(WebhookModel, step.value, context.report, at=step.at)
    given = _checked(context, step, step.value) if isinstance(step.value, Mapping) else Given()
    if model is None or context.report.faults > before:
        return Block(())
    label = model.title or f"telling {model.to or urlsplit(model.url or '').hostname}"
    to, url = model.to or "", model.url or ""
    return Block((Webhook(id=step.id, label=label, to=to, url=url, given=given.literal, looked_up=given.looked_up),))


def _checked(context: Context, step: StepNode, node: Mapping) -> Given:
    given = [key for key in ("to", "url") if node.entry(key)]
    if len(given) != 1:
        context.report.error("RG210", step.at, " and ".join(given) or "neither", f"one of {one_of(('to', 'url'))}")
    url = node.get("url")
    if isinstance(url, Scalar) and isinstance(url.value, str):
        _check_address(context, url)
    body = node.entry("body")
    told = None if body is None else mapping(body.value, context.report, "a mapping such as {what: unpaid}", body.span)
    return Given() if told is None else read_given(told, context.scope_at(step), context.report)


def _check_address(context: Context, url: Scalar) -> None:
    """Rules are read by many, and are in every journey's history: no secret may stand in them."""
    try:
        parts = urlsplit(url.text)
        host, secret = parts.hostname, parts.username or parts.password or parts.query or parts.fragment
    except ValueError:
        host, secret = None, None
    hint = f"name it, to: crm, and set {address_setting('crm')}"
    if not host or not url.text.startswith(("https://", "http://")):
        context.report.error("RG203", url.span, url.text, "an address such as https://crm.example.com/hook")
    elif secret:
        context.report.error("RG203", url.span, "an address with more than a host and a path", "no secret in it", hint)


WEBHOOK = StepKind("webhook", "Tells another system.", compile_webhook, WebhookModel)
