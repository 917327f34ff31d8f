"""A compiled campaign: waves of messages to an audience.

Each customer of it has a row among the journeys, without a workflow of her own: one workflow sends to all in batches.
"""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from engine.conditions.ast import Condition
from engine.journeys.plan import Controls, End, Part, Plan, Send, Start, TemplateBy

LAST_WAVE = timedelta(days=7)
"""So long what is held back of the last wave may still be sent, unless the wave says otherwise."""


class Wave(Part):
    """One message to everybody of the audience from `at` on; what has not left by `ends` is not sent."""

    id: str
    label: str
    at: datetime
    ends: datetime
    channels: tuple[str, ...]
    template: str | TemplateBy
    only_if: Condition | None = None


class Campaign(Part):
    """A campaign. `freeze`: its audience is taken at the first wave, or at each anew."""

    name: str
    title: str
    version: str = ""
    status: Literal["draft", "test", "live", "paused"] = "live"
    audience: Condition
    freeze: Literal["first", "each"] = "first"
    waves: tuple[Wave, ...]
    drop_when: Condition | None = None
    controls: Controls = Controls()

    @property
    def starts(self) -> bool:
        """Whether it begins by itself when its first wave comes."""
        return self.status in ("live", "test")

    @property
    def over(self) -> datetime:
        """From when on nothing of it is sent any more."""
        return max(wave.ends for wave in self.waves)

    def wave(self, name: str) -> Wave:
        """The wave of that id.

        Raises:
            KeyError: there is none.
        """
        return {wave.id: wave for wave in self.waves}[name]

    @cached_property
    def plan(self) -> Plan:
        """One customer's part of it as a playbook has it: what a reservation judges each message by."""
        sends = [
            Send(id=wave.id, label=wave.label, channels=wave.channels, template=wave.template) for wave in self.waves
        ]
        return Plan(
            playbook=self.name,
            title=self.title,
            version=self.version,
            subject="customer",
            status=self.status,
            start=Start(any=()),
            controls=self.controls,
            code=(*sends, End(id="end", label="the end")),
        )
