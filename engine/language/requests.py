"""How a channel over HTTP asks its service, as written under `request` of a channel in `rules/policy.yaml`."""

import re
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from engine.language.issues import Report
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found, is_nothing
from engine.language.model import Model
from engine.language.values import PlainPart, refuse
from engine.policy import AcceptedAnswer, AnswerRule, Meaning, Request

OVER_HTTP = ("http", "sms")
"""Providers that read `request`."""
_PATH = re.compile(r"[A-Za-z0-9_\-]{1,60}(\.[A-Za-z0-9_\-]{1,60}){0,9}")


def _read_statuses(value: object) -> tuple[int, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(
        isinstance(one, int) and not isinstance(one, bool) and 100 <= one <= 599 for one in listed
    ):
        raise refuse("RG209", "a status code of HTTP, or a list of them, such as [400, 422]")
    return tuple(listed)


def _read_path(value: object) -> str:
    if not isinstance(value, str) or _PATH.fullmatch(value) is None:
        raise refuse("RG208", "a field of the answer, such as id or message.id")
    return value


def _read_values(value: object) -> tuple[str, ...]:
    """One value or several, as texts: `true` and `21211` are what JSON writes so."""
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(one, str | int | bool) for one in listed):
        raise refuse("RG203", "a value, or a list of values")
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in listed)


_VALUE = {"type": ["string", "integer", "boolean"]}
_STATUS = {"type": "integer", "minimum": 100, "maximum": 599}
Statuses = Annotated[
    tuple[int, ...],
    PlainValidator(_read_statuses),
    WithJsonSchema({"anyOf": [_STATUS, {"type": "array", "minItems": 1, "items": _STATUS}]}),
]
Path = Annotated[str, PlainValidator(_read_path), WithJsonSchema({"type": "string", "pattern": f"^{_PATH.pattern}$"})]
Values = Annotated[
    tuple[str, ...],
    PlainValidator(_read_values),
    WithJsonSchema({"anyOf": [_VALUE, {"type": "array", "minItems": 1, "items": _VALUE}]}),
]


class AcceptedModel(Model):
    """What an accepting answer holds."""

    body: dict[Path, Values] = Field(default_factory=dict, description="Fields of its JSON body, with their values.")
    id: Path | None = Field(default=None, description="The field with the service's own id, such as message.id.")


class AnswerModel(Model):
    """What one kind of answer means."""

    http: Statuses = Field(default=(), description="Its status code, or several.")
    body: dict[Path, Values] = Field(default_factory=dict, description="Fields of its JSON body, with their values.")
    means: Meaning = Field(description="What has become of the message.")


class RequestModel(Model):
    """How the service is asked, and how its answers are read."""

    body: PlainPart = Field(description="What it is told; texts are templates: {{ recipient }}, {{ text }}, {{ key }}.")
    encode: Literal["json", "form"] = Field(default="json", description="How the body is written.")
    idempotency_key: bool = Field(
        default=False, description="Whether two requests with the same Idempotency-Key make one message."
    )
    accepted: AcceptedModel = Field(default_factory=AcceptedModel, description="How an answer says that it was taken.")
    answers: list[AnswerModel] = Field(default_factory=list, description="What other answers mean; the first counts.")


def compile_request(model: RequestModel) -> Request:
    """The request as the engine uses it."""
    return Request(
        body=model.body,
        encode=model.encode,
        idempotency_key=model.idempotency_key,
        accepted=AcceptedAnswer(body=model.accepted.body, id=model.accepted.id),
        answers=tuple(AnswerRule(http=each.http, body=each.body, means=each.means) for each in model.answers),
    )


def check_request(channel: Mapping, report: Report) -> None:
    """A service over HTTP must be told something; a body for a form has no groups; others have no request."""
    provider, request = channel.entry("provider"), channel.entry("request")
    name = found(provider.value) if provider else ""
    if request is None:
        if provider is not None and name in OVER_HTTP:
            report.error("RG202", provider.value.span, "no key request", "the key request", _EXAMPLE)
        return
    if provider is not None and name not in OVER_HTTP:
        report.error("RG201", request.span, f"request, of provider {name}", "provider http or sms", "remove it")
    if isinstance(request.value, Mapping):
        _check_body(request.value, report)


_EXAMPLE = 'for example request: {body: {to: "{{ recipient }}", text: "{{ text }}"}}'


def _check_body(request: Mapping, report: Report) -> None:
    body, encode = request.entry("body"), request.get("encode")
    if body is None:
        return
    if not isinstance(body.value, Mapping) or not body.value.entries:
        span = body.span if is_nothing(body.value) else body.value.span
        report.error("RG203", span, found(body.value), "a mapping of fields", _EXAMPLE)
    elif isinstance(encode, Scalar) and encode.value == "form":
        _check_flat(body.value.entries, report)


def _check_flat(fields: tuple[Entry, ...], report: Report) -> None:
    for field in fields:
        if isinstance(field.value, Mapping | Sequence):
            report.error(
                "RG203", field.value.span, found(field.value), "one value: a form has no groups", "encode: json"
            )


def leaves(node: Node) -> list[Scalar]:
    """Every single value of a tree, with its place."""
    match node:
        case Scalar():
            return [node]
        case Sequence(items=items):
            return [leaf for item in items for leaf in leaves(item)]
        case Mapping(entries=entries):
            return [leaf for entry in entries for leaf in leaves(entry.value)]
