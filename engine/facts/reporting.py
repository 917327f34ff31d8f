"""The reporting currency of a process that runs on: a shop may only become known after its start."""

from collections.abc import Mapping
from typing import Any

import psycopg

from engine.facts.currency import reporting_currency
from engine.facts.event_contracts import Contract
from engine.facts.matching import EventMatcher


class Reporting:
    """Gives the matcher of events in the reporting currency, which is looked up until there is one.

    Args:
        contracts: of `load_contracts`.
        stated: the policy's currency, if it names one.
    """

    def __init__(self, contracts: Mapping[str, Contract], stated: str | None) -> None:
        self.contracts = contracts
        self.stated = stated
        self._known: EventMatcher | None = None

    def matcher(self, connection: psycopg.Connection[Any]) -> EventMatcher:
        """The matcher; without a shop its currency is None and every comparison with money is unknown.

        Raises:
            CurrencyUnclearError: shops have several currencies and the policy names none.
        """
        if self._known is None:
            found = EventMatcher(self.contracts, reporting_currency(connection, self.stated))
            if found.currency is None:
                return found
            self._known = found
        return self._known

    def restate(self, stated: str | None) -> None:
        """Takes the currency of another policy, from the next question on."""
        if stated != self.stated:
            self.stated, self._known = stated, None
