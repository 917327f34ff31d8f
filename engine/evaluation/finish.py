"""The end of an evaluation of everybody: journeys that were held back begin, unless they are too many at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from engine.dispatch.held import begin, too_many
from engine.dispatch.versions import StoredVersions
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.language.rules import Rules

_JUDGED = "update cut_offs set judged_at = clock_timestamp() where id = %s and judged_at is null"
FORGET_NEWCOMERS = "delete from newcomers n using standings s where s.customer_id = n.customer_id"
"""They have come and have been judged: see `engine.evaluation.due`."""


def finish(
    connection: psycopg.Connection[Any],
    rules: Rules,
    currency: str | None,
    *,
    cut_offs: int,
    journeys: Sequence[int],
    at: datetime,
) -> int:
    """Notes that everybody has been judged by published cut-offs, and starts what was held back but need not be.

    Commits. Whoever does it again, as after a kill, changes nothing more.

    Args:
        connection: to the facts, in no transaction.
        rules: that everybody was judged by.
        currency: the shop's.
        cut_offs: the number that they were published under.
        journeys: those of the run.
        at: when it was told to.

    Returns:
        How many stay held, for a person.
    """
    held = too_many(rules.policy, len(journeys))
    if rules.policy.mass_start is not None and not held:
        versions = StoredVersions({rules.version: rules})
        begin(connection, journeys, at, EventMatcher(load_contracts(), currency), versions)
    connection.execute(_JUDGED, (cut_offs,))
    connection.execute(FORGET_NEWCOMERS)
    connection.commit()
    return len(journeys) if held else 0
