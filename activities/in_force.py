"""The rules in force now, as events and changes are judged by them."""

from dataclasses import dataclass

from activities.context import Connection, Context
from engine.dispatch.match import Matcher


@dataclass
class InForce:
    """Gives an activity who matches by the rules in force."""

    context: Context

    def matcher(self, connection: Connection) -> Matcher:
        """The matcher, compiled once for each version."""
        events = self.context.reporting.matcher(connection)
        return self.context.in_force.matcher(self.context.rules, events)
