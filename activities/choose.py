"""Says which case of a switch an attribute's value is, as of a logical instant.

switch: {on: country}
cases: {DE: [{wait: 1d}], FR: [{wait: 2d}]}
"""

from dataclasses import dataclass

from temporalio import activity

from activities.asking import asking
from activities.context import Connection, Context
from engine.journeys.plan import case_of
from engine.journeys.wire import Answer, ChooseRequest


@dataclass(frozen=True)
class Choose:
    """The activity `choose`."""

    context: Context

    @activity.defn(name="choose")
    async def choose(self, request: ChooseRequest) -> Answer:
        """Answers `chosen` with the case, or with none where the value has no case: the value itself is not told."""
        case = await self.context.transaction(lambda connection: self._choose(connection, request))
        return Answer(request.at, "chosen", case)

    def _choose(self, connection: Connection, request: ChooseRequest) -> str | None:
        value = asking(self.context, connection, request.journey, request.at).value(connection, request.on)
        return case_of(value) if value is not None and case_of(value) in request.cases else None
