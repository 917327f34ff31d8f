"""What a test of a playbook says: what the world outside answers, and what journeys must do, in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.conditions.operands import instant
from engine.conditions.types import Value
from engine.journeys.plan import Calling
from engine.language.issues import Report, Span, did_you_mean, one_of
from engine.language.located import Entry, Node, Scalar, found, is_nothing
from engine.language.located import Mapping as Located
from engine.language.rules import Rules
from engine.language.validate import mapping, sequence
from engine.language.values import read_duration
from engine.ruletests import keys
from engine.ruletests.moments import Moments
from engine.simulation.journey import Assumed

DAYS = 90
"""So long a test goes on unless it says until when."""
STEPS = ("send", "task", "coupon", "points", "call", "webhook", "update", "move", "start")


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that must happen. What is None is not asked for; `at` is a range of microseconds with both its ends."""

    what: str
    name: str
    span: Span
    at: tuple[int, int] | None = None
    state: str = "done"
    reason: str | None = None
    playbook: str | None = None
    more: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """The part of a test that is about journeys."""

    playbooks: tuple[str, ...]
    until: datetime
    assumed: Assumed
    happens: tuple[Told, ...]
    span: Span
    assumed_at: Mapping[str, Span] = field(default_factory=dict)
    """Where what is assumed stands: `failing STEP`, `answers STEP`, `responses STEP`, `holdout`."""


def read_story(
    happens: Entry, parts: Mapping[str, Entry], rules: Rules, moments: Moments, report: Report
) -> Story | None:
    """The story of a test; None and issues if it is not sound.

    Args:
        happens: what must happen.
        parts: the other keys of the test.
        rules: whose playbooks are tested.
        moments: by which instants are read.
        report: gets every issue; its file names the playbook.
    """
    before = report.faults
    playbooks = _playbooks(parts.get("playbooks"), happens, rules, report)
    ends = moments.read(parts["until"].value, report) if "until" in parts else None
    until = instant(moments.at) + timedelta(days=DAYS) if ends is None else instant(ends)
    steps = _steps(rules, playbooks)
    assumed = Assumed(
        failing=_texts(parts.get("failing"), steps, report),
        answers=_answers(parts.get("answers"), steps, report),
        responses=_responses(parts.get("responses"), steps, report),
        holdout=_truth(parts.get("holdout"), report),
    )
    listed = sequence(happens.value, report, "a list of what happens", happens.span)
    read = [_told(item, steps, moments, report) for item in (listed.items if listed else ())]
    if report.faults > before:
        return None
    happening = tuple(each for each in read if each is not None)
    return Story(playbooks, until, assumed, happening, happens.span, dict(_places(parts)))


def _places(parts: Mapping[str, Entry]) -> Iterator[tuple[str, Span]]:
    for key in ("failing", "answers", "responses"):
        held = parts[key].value if key in parts else None
        for entry in held if isinstance(held, Located) else ():
            yield f"{key} {entry.key}", entry.span
    if "holdout" in parts:
        yield "holdout", parts["holdout"].span


def _playbooks(entry: Entry | None, at: Entry, rules: Rules, report: Report) -> tuple[str, ...]:
    """Those that are named, else the one that the file stands beside."""
    if entry is None:
        stem = report.file.rpartition("/")[2].partition(".")[0]
        if stem not in rules.plans:
            hint = "or write the test beside its playbook, in playbooks/NAME.test.yaml"
            report.error("RG202", at.span, "no key playbooks", "the key playbooks: whose journeys these are", hint)
            return ()
        return (stem,)
    listed = sequence(entry.value, report, "a list of playbooks", entry.span)
    names: list[str] = []
    for item in listed.items if listed else ():
        name = item.text if isinstance(item, Scalar) else ""
        if name not in rules.plans:
            report.error("RG322", item.span, found(item), _one(rules.plans), did_you_mean(name, rules.plans))
        else:
            names.append(name)
    return tuple(names)


def _one(names: Sequence[str] | Mapping[str, object]) -> str:
    return one_of(sorted(names), 12) or "one that is declared"


def _steps(rules: Rules, playbooks: Sequence[str]) -> dict[str, str]:
    """The steps of the playbooks, and of those that they start, by name, with their kind."""
    found_: dict[str, str] = {}
    reached = list(playbooks)
    for name in reached:
        plan = rules.plans.get(name)
        for step in plan.code if plan else ():
            found_[step.id] = step.op
            if isinstance(step, Calling) and isinstance(other := step.given.get("playbook"), str):
                reached += [other] if other not in reached else []
    return found_


# --- what the world outside answers ---------------------------------------------------------------------------------


def _by_step(entry: Entry | None, steps: Mapping[str, str], what: str, report: Report) -> list[Entry]:
    held = None if entry is None else mapping(entry.value, report, what, entry.span)
    known = []
    for each in held or ():
        if each.key not in steps:
            report.error("RG308", each.span, each.key, _one(steps), did_you_mean(each.key, steps))
        else:
            known.append(each)
    return known


def _texts(entry: Entry | None, steps: Mapping[str, str], report: Report) -> dict[str, str]:
    told: dict[str, str] = {}
    for each in _by_step(entry, steps, "reasons by step, such as {gift: pool_empty}", report):
        if isinstance(each.value, Scalar) and each.value.text:
            told[each.key] = each.value.text
        else:
            report.error("RG203", each.value.span, found(each.value), "a reason, such as pool_empty")
    return told


def _answers(entry: Entry | None, steps: Mapping[str, str], report: Report) -> dict[str, dict[str, Value]]:
    told: dict[str, dict[str, Value]] = {}
    for each in _by_step(entry, steps, "answers by step, such as {reward: {balance: 60}}", report):
        held = mapping(each.value, report, "fields of the answer", each.span)
        told[each.key] = {one.key: one.value.value for one in held or () if isinstance(one.value, Scalar)}
    return told


def _responses(entry: Entry | None, steps: Mapping[str, str], report: Report) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = {}
    for each in _by_step(entry, steps, "responses by step, such as {first: {opened: 2h}}", report):
        held = mapping(each.value, report, "how long after it left", each.span)
        told[each.key] = {one.key: _length(one, report) for one in held or () if _known_response(one, report)}
    return told


def _known_response(entry: Entry, report: Report) -> bool:
    if entry.key in keys.RESPONSES:
        return True
    report.error("RG201", entry.span, entry.key, one_of(keys.RESPONSES), did_you_mean(entry.key, keys.RESPONSES))
    return False


def _length(entry: Entry, report: Report) -> int:
    try:
        return read_duration(entry.value.value if isinstance(entry.value, Scalar) else None).seconds
    except ValueError:
        report.error("RG205", entry.value.span, found(entry.value), "a duration such as 2h")
        return 0


def _truth(entry: Entry | None, report: Report) -> bool:
    if entry is None:
        return False
    if not isinstance(entry.value, Scalar) or not isinstance(entry.value.value, bool):
        report.error("RG401", entry.value.span, found(entry.value), "true or false")
        return False
    return entry.value.value


# --- what must happen -----------------------------------------------------------------------------------------------


def _told(node: Node, steps: Mapping[str, str], moments: Moments, report: Report) -> Told | None:
    held = mapping(node, report, "what happens, such as {send: first, at: +4h}")
    if held is None:
        return None
    known = tuple(keys.HAPPENED)
    named = [entry for entry in held if entry.key in known]
    for entry in held:
        if entry.key not in (*known, *keys.BESIDE):
            report.error(
                "RG201", entry.span, entry.key, one_of((*known, *keys.BESIDE), 25), did_you_mean(entry.key, known)
            )
    if len(named) != 1:
        report.error("RG210", held.span, f"{len(named)} things that happen", f"one of {one_of(known, 20)}")
        return None
    what, name = named[0].key, named[0].value.text if isinstance(named[0].value, Scalar) else ""
    _check_name(what, name, named[0], steps, report)
    beside = {entry.key: entry for entry in held if entry is not named[0] and not is_nothing(entry.value)}
    state, reason = _state(beside)
    more: dict[str, object] = {
        key: beside[key].value.value if key == "amount" else beside[key].value.text  # type: ignore[union-attr]  # scalars
        for key in ("template", "channel", "team", "amount")
        if key in beside and isinstance(beside[key].value, Scalar)
    }
    playbook = (
        beside["playbook"].value.text if "playbook" in beside and isinstance(beside["playbook"].value, Scalar) else None
    )
    at = _range(beside["at"], moments, report) if "at" in beside else None
    return Told(what, name, held.span, at, state, reason, playbook, more)


def _check_name(what: str, name: str, entry: Entry, known: Mapping[str, str], report: Report) -> None:
    if what not in STEPS:
        return
    steps = {step: op for step, op in known.items() if op == what}
    if name not in steps:
        report.error(
            "RG308",
            entry.value.span,
            found(entry.value),
            _one(steps) if steps else f"no step {what}",
            did_you_mean(name, steps),
        )


def _state(beside: Mapping[str, Entry]) -> tuple[str, str | None]:
    for state in ("skipped", "failed"):
        if state in beside:
            value = beside[state].value
            return state, value.text if isinstance(value, Scalar) and value.value is not True else None
    return "done", None


def _range(entry: Entry, moments: Moments, report: Report) -> tuple[int, int] | None:
    """An instant, or `{from: …, to: …}`: what is spread after quiet hours leaves somewhere in it."""
    if not isinstance(entry.value, Located):
        read = moments.read(entry.value, report)
        return None if read is None else (read, read)
    ends = {each.key: moments.read(each.value, report) for each in entry.value if each.key in ("from", "to")}
    if ends.keys() != {"from", "to"}:
        report.error("RG202", entry.span, "no keys from and to", "an instant, or {from: +1d, to: +2d}")
        return None
    first, last = ends["from"], ends["to"]
    return None if first is None or last is None else (first, last)


def told_text(told: Told, begins: int) -> str:
    """What must happen, in words."""
    at = "" if told.at is None else f" at {offset(told.at[0], begins)}"
    if told.at is not None and told.at[0] != told.at[1]:
        at = f" from {offset(told.at[0], begins)} to {offset(told.at[1], begins)}"
    more = "".join(f", {key} {value}" for key, value in told.more.items())
    state = "" if told.state == "done" else f", {told.state}{f': {told.reason}' if told.reason else ''}"
    return f"{told.what} {told.name}{at}{state}{more}"


def offset(at: int, begins: int) -> str:
    """How long after the beginning: `+2d 4h`."""
    seconds, micros = divmod(abs(at - begins), 1_000_000)
    parts = []
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        many, seconds = divmod(seconds, length)
        parts += [f"{many}{unit}"] if many else []
    parts += [f"{micros}µs"] if micros else []
    return ("-" if at < begins else "+") + (" ".join(parts) or "0s")
