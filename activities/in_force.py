"""The rules in force now, as events and changes are judged by them."""

from dataclasses import dataclass

from activities.context import Connection, Context
from engine.dispatch.match import Matcher


@dataclass
class InForce:
    """Compiles the rules once for an activity."""

    context: Context
    _matcher: Matcher | None = None

    def matcher(self, connection: Connection) -> Matcher:
        """The matcher, compiled when it is first asked for."""
        if self._matcher is None:
            events = self.context.reporting.matcher(connection)
            self._matcher = Matcher(self.context.rules, self.context.versions, events)
        return self._matcher
