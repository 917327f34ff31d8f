"""A campaign in a simulation: one customer's part of it, wave after wave, by what the activities of a campaign ask.

Nobody else is waited for: her part ends with her own last message, and that of a campaign that really runs with
everybody's.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.conditions.operands import instant, microseconds
from engine.explain.members import ASKED
from engine.journeys.campaign import Campaign, Wave
from engine.journeys.commands import Deliver, Finish
from engine.journeys.inputs import Answered
from engine.messages.decision import wanted
from engine.simulation.history import Subject
from engine.simulation.journey import Journey
from engine.simulation.send import Message

if TYPE_CHECKING:
    from engine.simulation.world import World


def moved(campaign: Campaign, at: datetime) -> Campaign:
    """The campaign with its first wave at another instant, and all others as far from it as they were."""
    by = at - campaign.waves[0].at
    waves = tuple(each.model_copy(update={"at": each.at + by, "ends": each.ends + by}) for each in campaign.waves)
    return campaign.model_copy(update={"waves": waves})


class Part(Journey):
    """One customer's part of a campaign: a journey that no interpreter leads, and that waits for nothing itself."""

    def ask(self, campaign: Campaign, wave: Wave, at: datetime) -> Answered:
        """Asks whether a wave's message may leave, and sends it if so."""
        self.asked = wanted(campaign, wave)
        command = Deliver(
            step=wave.id,
            at=at,
            due=wave.at,
            iteration=1,
            channels=wave.channels,
            template=wave.template,
            label=wave.label,
            ends=None,
        )
        return self._deliver(command)

    def end(self, at: datetime, outcome: str) -> None:
        """Her part is over."""
        self._finish(Finish(at, "ended", outcome, recorded=True))

    def open_messages(self) -> Iterator[Message]:
        """What of it is held back."""
        return (each for each in self.around.messages if each.journey == self.number and each.state == "deferred")


class Campaigning:
    """One customer and one campaign.

    Args:
        world: hers.
        number: the campaign's place among those that run.

    Attributes:
        due: when something is to be done next, in microseconds since the epoch; none: nothing more.
        part: hers, from the first wave that she gets.
    """

    def __init__(self, world: "World", number: int) -> None:
        self.world, self.number = world, number
        self.campaign = world.compiled.campaigns[number]
        self.part: Part | None = None
        self._coming = 0
        """Which wave begins next."""
        self._until: datetime | None = None
        """Of the wave under way: when its message may be asked for again; none if nothing of it is held back."""
        self.due: int | None = self._next()

    def wake(self, now: int) -> None:
        """Does what is due: a wave begins, its message is asked for again, or it is over."""
        at = instant(now)
        if self._until is None:
            self._begin(at)
        elif at >= self._wave.ends:
            self._wave_over(at)
        else:
            self._ask(at)
        self.due = self._next()
        if self.part is not None and self.due is None and self.part.ended is None:
            self.part.end(at, "ended")

    def _next(self) -> int | None:
        if self._until is not None:
            return microseconds(min(self._until, self._wave.ends))
        waves = self.campaign.waves
        return microseconds(waves[self._coming].at) if self._coming < len(waves) else None

    @property
    def _wave(self) -> Wave:
        """The one that has begun last."""
        return self.campaign.waves[self._coming - 1]

    def _begin(self, at: datetime) -> None:
        """The next wave begins; whoever came to be known after that was not there when it did."""
        self._coming += 1
        once = self.campaign.freeze == "first"
        if once and self.part is not None:
            self._ask(at)
        elif at == self._wave.at and self._in_audience(at):
            self.part = self.part or self._joined(at)
            self._ask(at)
        elif once:
            self._leave()

    def _in_audience(self, at: datetime) -> bool:
        world = self.world
        judged = world.judged_by(world.compiled.audiences[self.number], microseconds(at))
        return ASKED.name in judged.standing.segments

    def _joined(self, at: datetime) -> Part:
        journeys = self.world.journeys
        part = Part(self.world, len(journeys) + 1, self.campaign.plan, Subject("customer", 1), at.astimezone(UTC), None)
        journeys.append(part)
        return part

    def _ask(self, at: datetime) -> None:
        assert self.part is not None  # only who takes part is asked
        answer = self.part.ask(self.campaign, self._wave, at)
        self._until = answer.until if answer.outcome == "deferred" else None
        if answer.reason == "drop_when":
            self._leave()
            self.part.end(at, "dropped")

    def _leave(self) -> None:
        """She gets no further wave."""
        self._coming = len(self.campaign.waves)

    def _wave_over(self, at: datetime) -> None:
        assert self.part is not None  # something of hers is held back
        for message in self.part.open_messages():
            message.skip("wave_over", at)
            self.part.note(at, "send", message.step, "skipped", "wave_over")
        self._until = None
