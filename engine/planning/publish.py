"""Puts rules in force: one transaction, in which nobody judges by the rules before, and after which all judge by these.

Killed before the commit nothing has happened; after it the rules are in force, and what is left to do is told by the
row in `rules_in_force` (see `engine.evaluation.settle`).
"""

from datetime import datetime

from engine.dispatch.in_force import Row, Succession, alone, succeed
from engine.dispatch.versions import publish
from engine.edits.begin import begin_edits
from engine.facts.currency import reporting_currency
from engine.facts.pool import connect
from engine.facts.standing import publish_cut_offs
from engine.language.rules import Rules
from engine.planning.cut_offs import standings
from engine.planning.make import Made


def put_in_force(url: str, rules: Rules, after: Succession, made: Made, at: datetime, schema: str = "public") -> Row:
    """Publishes rules and puts them in force after the row that they were planned against.

    Args:
        url: of the database.
        rules: the rules.
        after: how they come into force.
        made: the plan, with its cut-offs, for tiers and RFM that have none published, and its edits.
        at: the wall clock's instant.
        schema: where the tables are.

    Raises:
        MovedOnError: another version has come into force meanwhile; nothing has been changed.
        EditRefusedError: journeys under way have no place in the new version; nothing has been changed.
    """
    with connect(url, schema) as connection:
        alone(connection)
        publish(connection, rules)
        row = succeed(connection, after, at)
        judging = standings(rules, reporting_currency(connection, rules.policy.currency))
        if judging.published(connection) is None:
            publish_cut_offs(connection, rules.version, at, made.cut_offs, judging.digests)
        before = None if after.follows is None else after.follows.version
        begin_edits(connection, rules.version, at, made.edits, before)
    return row
