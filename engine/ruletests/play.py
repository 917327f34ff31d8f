"""Plays a test of a playbook on the virtual clock, and compares what its journeys did with what they must do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.conditions.operands import instant, microseconds
from engine.language.rules import Rules
from engine.ruletests.case import Case, Difference, Outcome
from engine.ruletests.story import Story, Told, offset, told_text
from engine.simulation.compiled import Compiled
from engine.simulation.history import Told as Fact
from engine.simulation.log import Entry
from engine.simulation.world import EndlessError, Person, World


@dataclass
class Player:
    """Plays tests by the same rules, which are compiled once for each set of playbooks and currency."""

    rules: Rules
    _compiled: dict[tuple[tuple[str, ...], str | None], Compiled] = field(default_factory=dict)

    def __call__(self, case: Case, story: Story) -> Outcome:
        """What became of a test."""
        key = (story.playbooks, case.currency)
        if key not in self._compiled:
            self._compiled[key] = Compiled(self.rules, *key)
        told = tuple(Fact(kind, at, fields) for kind, (at, fields) in case.events)
        person = Person(case.facts, told, case.hand_tags, case.previous, case.cut_offs)
        world = World(self._compiled[key], person, instant(case.at), story.assumed)
        try:
            world.run(story.until)
        except EndlessError as error:
            return Outcome(case, (Difference("happens", story.span, "an end", str(error)),))
        difference = compared(case, story, world.log)
        return Outcome(case, () if difference is None else (difference,), ways=frozenset(world.ways))


def compared(case: Case, story: Story, log: Sequence[Entry]) -> Difference | None:
    """The first thing that is otherwise, with all that happened."""
    for place in range(max(len(story.happens), len(log))):
        told = story.happens[place] if place < len(story.happens) else None
        entry = log[place] if place < len(log) else None
        if told is None or entry is None or not is_told(told, entry):
            expected = "nothing more" if told is None else told_text(told, case.at)
            found = "nothing more" if entry is None else _text(entry, case.at)
            at = story.span if told is None else told.span
            return Difference("happens", at, expected, found, _all(log, place, case.at))
    return None


def is_told(told: Told, entry: Entry) -> bool:
    """Whether what a journey did is what it must do."""
    at = microseconds(entry.at)
    return (
        (told.what, told.name, told.state) == (entry.what, entry.name, entry.state)
        and told.reason in (None, entry.reason)
        and told.playbook in (None, entry.playbook)
        and (told.at is None or told.at[0] <= at <= told.at[1])
        and all(entry.more.get(key) == value for key, value in told.more.items())
    )


def _text(entry: Entry, begins: int) -> str:
    state = "" if entry.state == "done" else f", {entry.state}: {entry.reason}"
    more = "".join(f", {key} {value}" for key, value in entry.more.items() if value is not None)
    return f"{entry.what} {entry.name} at {offset(microseconds(entry.at), begins)}{state}{more}"


def _all(log: Sequence[Entry], place: int, begins: int) -> tuple[str, ...]:
    lines = [f"{'→' if number == place else ' '} {_text(each, begins)}" for number, each in enumerate(log)]
    return ("what happened:", *lines) if lines else ("nothing happened",)
