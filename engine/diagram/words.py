"""What stands in the boxes of a diagram: the labels of the Temporal UI, and what is behind them."""

from engine.journeys.plan import (
    Branch,
    CalendarTrigger,
    Coupon,
    DateTrigger,
    End,
    EventTrigger,
    EveryTrigger,
    First,
    Plan,
    Repeat,
    Send,
    Step,
    Switch,
    Task,
    TemplateBy,
    Trigger,
    Wait,
    WaitFor,
    WaitUntil,
)
from engine.language import words
from engine.language.issues import one_of
from engine.language.words import span

_ASKING = "asking whether "


def trigger(meant: Trigger | CalendarTrigger) -> str:
    """A trigger in words: `order.placed where payment_method is bank_slip`, `7 days before birthday at 10:00`."""
    match meant:
        case EventTrigger(event=event, where=where):
            return event if where is None else f"{event} where {words.condition(where)}"
        case DateTrigger(date=date, offset=offset, at=at):
            away = f"{span(abs(offset))} {'before' if offset < 0 else 'after'} " if offset else "on "
            return f"{away}{date}{f' at {at}' if at else ''}"
        case EveryTrigger():
            return _every(meant)
        case _:
            return words.triggers((meant,))


def _every(meant: EveryTrigger) -> str:
    parts = [f"every {meant.every}"]
    parts += [f"on {meant.weekday}"] if meant.weekday else []
    parts += [f"in month {meant.month}"] if meant.month else []
    parts += [f"on day {meant.day}"] if meant.day else []
    parts += [f"at {meant.at}"] if meant.at else []
    return " ".join(parts)


def starts_of(plan: Plan) -> tuple[str, ...]:
    """What starts a journey, each trigger in words."""
    first, *others = dict.fromkeys(map(trigger, plan.start.any)) or ("by a step of another playbook",)
    return (first, *(f"or {each}" for each in others))


def conditions_of_start(plan: Plan) -> tuple[str, ...]:
    """What is asked of somebody before a journey starts."""
    start = plan.start
    said = [f"only if {words.condition(start.only_if)}"] if start.only_if is not None else []
    said += [f"at most once in {span(start.once_per)}"] if start.once_per else []
    said += [f"heard of within {span(start.max_age)}"] if start.max_age is not None else []
    return tuple(said)


def head_of(plan: Plan) -> tuple[str, ...]:
    """What holds for the whole playbook."""
    controls = plan.controls
    holdout = f", {controls.holdout / 100:g} % are held out" if controls.holdout else ""
    said = [f"One journey for each {plan.subject}. Purpose: {controls.purpose}{holdout}."]
    said += [f"Status: {plan.status}."] if plan.status != "live" else []
    if plan.stop:
        said.append(f"Stops at once, wherever it is: {one_of(dict.fromkeys(map(trigger, plan.stop)))}.")
    if plan.goal is not None:
        reached = "; then no message is sent any more" if plan.goal.ends else ""
        said.append(
            f"Goal: {one_of(dict.fromkeys(map(trigger, plan.goal.any)))} within {span(plan.goal.within)}{reached}."
        )
    return tuple(said)


def label_of(step: Step) -> str:
    """The step's title, as the Temporal UI shows it; of a question with its mark."""
    match step:
        case End(outcome="ended"):
            return "the end"
        case End(outcome=outcome):
            return f"the end: {outcome}"
        case Branch():
            return f"{step.label.removeprefix(_ASKING) or step.id}?"
        case Repeat(times=times) if "repeating" not in step.label:
            return f"{step.label or step.id}: at most {times} times"
        case _:
            return step.label or step.id


def lines_of(step: Step) -> tuple[str, ...]:
    """What is behind the title: templates, what is asked or waited for, when a task is due."""
    match step:
        case Send(template=template):
            return _templates(template)
        case Branch(condition=condition):
            asked = words.condition(condition)
            return () if asked in step.label else (asked,)
        case Wait() | WaitFor() | WaitUntil() | First():
            return _waited(step)
        case Switch(on=on):
            return () if on in step.label else (f"by {on}",)
        case Task(due=int(due), business=business):
            return (f"due after {span(due)}{' of working time' if business else ''}",)
        case Coupon(given=given) if "expires" in given:
            return (f"good for {span(given['expires'])}",)
        case _:
            return ()


def _waited(step: Wait | WaitFor | WaitUntil | First) -> tuple[str, ...]:
    """What the label does not say, which may be a title."""
    match step:
        case Wait(seconds=seconds, since=since):
            said = "waiting " in step.label and any(each.isdigit() for each in step.label)
            return () if said else (f"{span(seconds)}{' since the start' if since == 'start' else ''}",)
        case WaitFor():
            return _awaited(step)
        case WaitUntil():
            return _moment(step)
        case First(within=within):
            return () if "at most" in step.label else (f"at most {span(within)}",)


def _templates(template: str | TemplateBy) -> tuple[str, ...]:
    if isinstance(template, str):
        return (f"template {template}",)
    by_template: dict[str, list[str]] = {}
    for value, name in template.cases.items():
        by_template.setdefault(name, []).append(value)
    cases = [f"{one_of(values, 4)}: {name}" for name, values in by_template.items()]
    return (f"template by {template.by}", *cases, f"else: {template.default}")


def _awaited(step: WaitFor) -> tuple[str, ...]:
    awaited = words.triggers(step.any)
    if awaited in step.label:
        return ()
    until = [words.moment(step.until)] if step.until else []
    return (awaited, ", ".join([*until, f"at most {span(step.within)}"]))


def _moment(step: WaitUntil) -> tuple[str, ...]:
    moment = words.moment(step.when)
    said = [] if moment in step.label else [moment]
    said += [f"{span(step.when.default)} where it is not known"] if step.when.length and step.when.default else []
    said += ["moves when its date does"] if step.follow else []
    return tuple(said)
