"""Located trees against models: pydantic's errors become issues at their place, in an operator's words."""

from collections.abc import Iterable
from types import NoneType, UnionType
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.language.issues import TITLES, Report, Span, closest, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Sequence, found, is_nothing, plain

M = TypeVar("M", bound=BaseModel)

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def validate(model: type[M], node: Node, report: Report, at: Span | None = None) -> M | None:
    """Reads a node as a model.

    Args:
        model: What the node must be.
        node: The located value.
        report: Gets every error.
        at: Where to show what is missing; default: the node itself.

    Returns:
        The model, or None if there were errors.
    """
    try:
        return model.model_validate(plain(node))
    except ValidationError as errors:
        for error in errors.errors(include_url=False, include_input=False):
            _report(model, node, error, report, at or node.span)
        return None


def mapping(node: Node, report: Report, what: str, at: Span | None = None) -> Mapping | None:
    """The node as a mapping, or None and an issue."""
    if isinstance(node, Mapping):
        return node
    report.error("RG203", at if is_nothing(node) and at else node.span, found(node), what)
    return None


def sequence(node: Node, report: Report, what: str, at: Span | None = None) -> Sequence | None:
    """The node as a list, or None and an issue."""
    if isinstance(node, Sequence):
        return node
    hint = "write each entry in its own line, after a dash" if not is_nothing(node) else ""
    report.error("RG203", at if is_nothing(node) and at else node.span, found(node), what, hint)
    return None


def names(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys a model knows, as written in YAML."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _report(model: type[BaseModel], root: Node, error: ErrorDetails, report: Report, at: Span) -> None:
    path = error["loc"]
    kind = error["type"]
    if kind == "missing":
        owner, span = _place(root, path[:-1], at)
        _missing(str(path[-1]), owner, span, _keys(_model_at(model, path[:-1])), report)
        return
    if kind == "extra_forbidden":
        owner, span = _place(root, path, at)
        known = _keys(_model_at(model, path[:-1]))
        name = str(path[-1])
        report.error("RG201", span, name, one_of(known), did_you_mean(name, known))
        return
    node, span = _value_place(root, path, at)
    code, expected, hint = _words(error)
    key_error = bool(path) and path[-1] == "[key]"
    report.error(code, span, str(path[-2]) if key_error else found(node), expected, hint)


def _missing(key: str, owner: Node, span: Span, known: tuple[str, ...], report: Report) -> None:
    """A missing key, unless it is there in a misspelling, which is reported as an unknown key: one slip, one issue."""
    unknown = owner.keys() if isinstance(owner, Mapping) else ()
    if not any(closest(name, known) == key for name in unknown if name not in known):
        report.error("RG202", span, f"no key {key}", f"the key {key}")


def _words(error: ErrorDetails) -> tuple[str, str, str]:
    """Code, expectation and hint of an error in a value."""
    context = error.get("ctx", {})
    kind = error["type"]
    if kind in TITLES:
        return kind, str(context.get("expected", "")), str(context.get("hint", ""))
    if kind == "literal_error":
        return "RG204", str(context.get("expected", "")).replace("'", ""), ""
    if kind in _KINDS:
        return "RG203", _KINDS[kind], ""
    if kind in {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}:
        return "RG209", error["msg"].removeprefix("Input should be "), ""
    return "RG203", error["msg"].removeprefix("Input should be "), ""


def _place(root: Node, path: Iterable[int | str], at: Span) -> tuple[Node, Span]:
    """The node at a path, and the span of the key (or list entry) that leads to it."""
    node, span = root, at
    for part in path:
        step = _step(node, part)
        if step is None:
            break
        node, span = (step.value, step.span) if isinstance(step, Entry) else (step, step.span)
    return node, span


def _value_place(root: Node, path: tuple[int | str, ...], at: Span) -> tuple[Node, Span]:
    """The node at a path and its own span; that of the key if the value is nothing or the key is at fault."""
    is_key = bool(path) and path[-1] == "[key]"
    node, key_span = _place(root, path[:-1] if is_key else path, at)
    return node, key_span if is_key or is_nothing(node) else node.span


def _step(node: Node, part: int | str) -> Entry | Node | None:
    if isinstance(node, Mapping):
        return node.entry(str(part))
    if isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def _keys(model: type[BaseModel] | None) -> tuple[str, ...]:
    return names(model) if model is not None else ()


def _model_at(model: type[BaseModel], path: Iterable[int | str]) -> type[BaseModel] | None:
    """The model that a path leads to, through fields, lists and mappings of models."""
    current: object = model
    for part in path:
        current = _inside(current, part)
    return _model_of(current)


def _inside(annotation: object, part: int | str) -> object:
    """The annotation of what lies at one part of a path."""
    model = _model_of(annotation)
    if model is None:
        arguments = get_args(_without_none(annotation))
        return arguments[-1] if arguments else None
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    return _without_none(fields.get(str(part)))


def _without_none(annotation: object) -> object:
    """`X | None` as `X`."""
    rest = [each for each in get_args(annotation) if each is not NoneType]
    return rest[0] if isinstance(annotation, UnionType) and len(rest) == 1 else annotation


def _model_of(annotation: object) -> type[BaseModel] | None:
    return (
        annotation
        if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, BaseModel)
        else None
    )
