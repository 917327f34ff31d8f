"""Conditions as fast closures."""

from collections.abc import Callable, Mapping

from engine.conditions.ast import Condition, Did, StepIs
from engine.conditions.environment import Catalogue, Environment, Types
from engine.conditions.expression import Writer
from engine.conditions.generated import Constants, function
from engine.conditions.trace import trace, trace_where
from engine.conditions.types import Value

Predicate = Callable[[Environment], bool]
RowPredicate = Callable[[Mapping[str, Value]], bool]

# A value of another type than declared makes generated code raise these; the trace says what each clause then is.
_OTHER_TYPE = "except (TypeError, AttributeError):"


def compile_condition(
    condition: Condition,
    *,
    currency: str | None,
    types: Types | None = None,
    events: Mapping[str, Types] | None = None,
) -> Predicate:
    """A condition as a function of an environment.

    Args:
        condition: the condition.
        currency: the reporting currency, which picks the threshold of a comparison with money.
        types: types of attributes and scoped fields by name; those of a name that is missing are taken as written.
        events: types of the fields of each kind of event.

    Raises:
        ValueError: it is too deep, or an operand is not of its name's type.
    """
    catalogue = Catalogue(types or {}, events or {}, currency)
    constants = Constants()

    def ask(question: Did | StepIs) -> str:
        asked = _did(question, catalogue) if isinstance(question, Did) else _step_is(question)
        return f"{constants.name(asked)}(env)"

    writer = Writer(_get, types=catalogue.types, currency=currency, constants=constants, ask=ask)
    slow = constants.name(lambda env: trace(condition, env, catalogue).verdict)
    body = [
        "get = env.attributes.get",
        "try:",
        f"    return {writer.write(condition)}",
        _OTHER_TYPE,
        f"    return {slow}(env)",
    ]
    return function("env", body, constants)


def compile_where(condition: Condition, *, currency: str | None, types: Types | None = None) -> RowPredicate:
    """A condition over the fields of one event or row as a function of the mapping that holds them.

    Raises:
        ValueError: it is too deep, asks for events or steps, or an operand is not of its field's type.
    """
    catalogue = Catalogue(types or {}, {}, currency)
    constants = Constants()
    writer = Writer(_get, types=catalogue.types, currency=currency, constants=constants)
    slow = constants.name(lambda row: trace_where(condition, row, catalogue).verdict)
    body = [
        "get = row.get",
        "try:",
        f"    return {writer.write(condition)}",
        _OTHER_TYPE,
        f"    return {slow}(row)",
    ]
    return function("row", body, constants)


def _get(name: str) -> str:
    return f"get({name!r})"


def _did(did: Did, catalogue: Catalogue) -> Predicate:
    fields = catalogue.events.get(did.event, {})
    where = None if did.where is None else compile_where(did.where, currency=catalogue.currency, types=fields)
    window = None if did.within_seconds is None else did.within_seconds * 1_000_000
    event, times = did.event, did.times

    def happened(env: Environment) -> bool:
        now = env.now
        since = None if window is None else now - window
        found = 0
        for at, fields in env.events(event):
            if at <= now and (since is None or at > since) and (where is None or where(fields)):
                found += 1
                if found >= times:
                    return True
        return found >= times

    return happened


def _step_is(question: StepIs) -> Predicate:
    step, state, wanted = question.step, question.state, question.is_
    return lambda env: (state in env.steps(step)) is wanted
