"""A tag given or taken away by hand: recorded, and the customer judged anew in the same transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from engine.conditions.operands import instant
from engine.dispatch.match import Happening, Matcher
from engine.dispatch.versions import publish
from engine.facts.hand_tags import add_hand_tag, remove_hand_tag, was_given
from engine.standing.decide import Change

Connection = psycopg.Connection[Any]


def give(
    connection: Connection,
    matcher: Matcher,
    customer_id: int,
    tag: str,
    author: str,
    now: datetime,
    expires: timedelta | None = None,
) -> tuple[Change, ...]:
    """Gives a tag and gives what changed; journeys start and are told. The caller commits.

    Args:
        connection: in a transaction.
        matcher: the rules in force.
        customer_id: our number of the customer.
        tag: the tag, one that the rules know.
        author: who gives it.
        now: the wall clock's instant.
        expires: how long it is kept; None: until it is taken away.
    """
    ends = None if expires is None else now + expires
    return judged_after(
        connection, matcher, customer_id, now, lambda: add_hand_tag(connection, customer_id, tag, author, now, ends)
    )


def take(
    connection: Connection, matcher: Matcher, customer_id: int, tag: str, author: str, now: datetime
) -> tuple[Change, ...]:
    """Takes a tag away that was given by hand, and gives what changed. The caller commits.

    Raises:
        LookupError: the customer has no such tag by hand.
    """

    def remove() -> None:
        if not remove_hand_tag(connection, customer_id, tag, author, now):
            raise LookupError(f"customer {customer_id} has no tag {tag} by hand")

    return judged_after(connection, matcher, customer_id, now, remove)


@dataclass(frozen=True, slots=True)
class TagChange:
    """Tags that a playbook gives and takes, as of `at`; what is given is kept for `expires`, or until taken."""

    add: tuple[str, ...]
    remove: tuple[str, ...]
    author: str
    at: datetime
    expires: timedelta | None = None


def change(
    connection: Connection, matcher: Matcher, customer_id: int, asked: TagChange, now: datetime
) -> tuple[Change, ...]:
    """Gives and takes tags and gives what changed; asked again it changes nothing. The caller commits.

    Args:
        connection: in a transaction.
        matcher: the rules in force.
        customer_id: our number of the customer.
        asked: the tags.
        now: as of when the customer is judged anew.
    """

    def do() -> None:
        ends = None if asked.expires is None else asked.at + asked.expires
        for tag in asked.remove:
            remove_hand_tag(connection, customer_id, tag, asked.author, asked.at)
        for tag in asked.add:
            if not was_given(connection, customer_id, tag, asked.author, asked.at):
                add_hand_tag(connection, customer_id, tag, asked.author, asked.at, ends)

    return judged_after(connection, matcher, customer_id, now, do)


def judged_after(
    connection: Connection, matcher: Matcher, customer_id: int, now: datetime, change: Callable[[], object]
) -> tuple[Change, ...]:
    """Does something to a customer, judges her anew and gives what changed; journeys start and are told."""
    connection.execute("select 1 from customers where id = %s for update", (customer_id,))
    publish(connection, matcher.rules)
    change()
    shift = matcher.standings.reevaluate(connection, customer_id, now, cause="hand", recorded_at=now)
    if shift.starting:
        at = instant(shift.kept.standing.at)
        matcher.match(connection, Happening.of_changes(customer_id, shift.starting, at, now, None))
    return tuple(each.change for each in shift.noted)
