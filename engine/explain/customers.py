"""Finds a customer by the shop's name or our number, and reads the case that an explanation is made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from engine.conditions.operands import microseconds
from engine.dispatch.standing import Standings
from engine.explain.case import Case, GivenByHand, blind
from engine.facts.happenings import happenings, relations_of
from engine.facts.history import told_events
from engine.facts.read import read_customer
from engine.facts.standing import Kept, read_standings, standing_as_of
from engine.language.issues import did_you_mean
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import HandTag, Standing

Connection = psycopg.Connection[Any]
_LIKE = 200

_FIND = """
select c.id, c.key from customers c where c.key = %(text)s
 union
select c.id, c.key from customer_identities i join customers c on c.id = i.customer_id where i.key = %(text)s
"""
_NEAR = "select key from customers where lower(left(key, 3)) = lower(left(%s, 3)) order by key limit %s"
_HAND_TAGS = """
select tag, author, at, expires_at, removed_at from hand_tags where customer_id = %s order by id
"""
_CUT_OFFS = """
select c.id, c.as_of, c."values" from cut_offs c join cut_offs o on o.id = %(of)s
 where c.as_of <= %(at)s and c."values" -> 'digests' = o."values" -> 'digests' order by c.as_of desc, c.id desc limit 1
"""
_GAINED = """
select kind, "to", max(at) from standing_changes
 where customer_id = %(customer)s and at <= %(at)s and "to" is not null group by kind, "to"
"""
_LOST = """
select "from", max(at) from standing_changes
 where customer_id = %(customer)s and at <= %(at)s and kind = 'tag' and "from" is not null group by "from"
"""
_RECORDED = """
select min(at), (array_agg(version order by at desc, id desc) filter (where at <= %(at)s))[1]
  from standing_changes where customer_id = %(customer)s
"""


class UnknownCustomerError(LookupError):
    """There is no such customer, or several have this name."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Our number of a customer, and the shop's name."""

    id: int
    key: str


def find_customer(connection: Connection, text: str) -> Customer:
    """The customer whom the shop calls so, or who has this number with us; the shop's name comes first.

    Raises:
        UnknownCustomerError: there is none, or several shops call different people so.
    """
    rows = connection.execute(_FIND, {"text": text}).fetchall()
    if not rows and text.isdecimal() and len(text) < 19:
        rows = connection.execute("select id, key from customers where id = %s", (int(text),)).fetchall()
    if len(rows) == 1:
        return Customer(*rows[0])
    if rows:
        numbers = ", ".join(str(number) for number, _ in sorted(rows))
        raise UnknownCustomerError(
            f"found {text!r}, which several customers are called, expected one number: {numbers}"
        )
    near = [row[0] for row in connection.execute(_NEAR, (text, _LIKE))]
    hint = did_you_mean(text, near)
    raise UnknownCustomerError(
        f"found {text!r}, expected a customer's name in the shop or number with us" + (f" ({hint})" if hint else "")
    )


def read_case(connection: Connection, standings: Standings, customer: Customer, at: datetime, *, past: bool) -> Case:
    """All that an explanation is made from, as of an instant.

    Args:
        connection: an open connection whose `search_path` has the tables.
        standings: the rules, compiled.
        customer: of whom.
        at: the instant.
        past: what came after it is left out, and the standing before is taken from the history.
    """
    rules, asked = standings.rules, microseconds(at)
    facts = read_customer(connection, customer.id, zone=rules.policy.zone)
    kinds = standings.judge.events
    told = told_events(connection, [customer.id], kinds).get(customer.id, ()) if kinds else ()
    events = (
        happenings(told, facts, kinds, fields=standings.event_fields, currency=standings.currency)
        if kinds and relations_of(kinds) <= facts.rows.keys()
        else {}
    )
    kept = read_standings(connection, [customer.id]).get(customer.id)
    in_force = cut_offs_of(connection, standings, at, past=past)
    if in_force.values is None:  # better those of a later instant, which are named, than none
        in_force = cut_offs_of(connection, standings, at, past=False)
    recorded, version = _recorded(connection, customer.id, at)
    previous = _previous(connection, standings, customer.id, at, recorded) if past else _kept(kept)
    case = Case(
        customer=customer.key,
        facts=facts,
        at=asked if past or kept is None else max(asked, kept.standing.at),
        events=events,
        hand_tags=_hand_tags(connection, customer.id),
        previous=previous,
        since=_since(connection, customer.id, at),
        version=version if past else (kept.version if kept else None),
        cut_offs=in_force.values,
        cut_offs_id=in_force.id,
        cut_offs_as_of=in_force.as_of,
    )
    return blind(case) if past else case


def _kept(kept: Kept | None) -> Standing | None:
    return None if kept is None else kept.standing


def _hand_tags(connection: Connection, customer_id: int) -> Sequence[GivenByHand]:
    return [
        GivenByHand(HandTag(tag, microseconds(at), _micro(expires), _micro(removed)), author)
        for tag, author, at, expires, removed in connection.execute(_HAND_TAGS, (customer_id,))
    ]


@dataclass(frozen=True, slots=True)
class InForce:
    """Cut-offs with their number and the instant they are of; all None where none are published."""

    id: int | None = None
    as_of: int | None = None
    values: CutOffs | None = None


def cut_offs_of(connection: Connection, standings: Standings, at: datetime, *, past: bool) -> InForce:
    """The cut-offs in force; of a past instant those of then, if there are any."""
    published = standings.published(connection)
    if published is None:
        return InForce()
    asked = {"at": at, "of": published.id}
    if past and (row := connection.execute(_CUT_OFFS, asked).fetchone()):
        return InForce(row[0], microseconds(row[1]), CutOffs.from_json(row[2]))
    if past:
        return InForce()
    as_of = connection.execute("select as_of from cut_offs where id = %s", (published.id,)).fetchone()
    return InForce(published.id, _micro(as_of[0]) if as_of else None, published.values)


def _recorded(connection: Connection, customer_id: int, at: datetime) -> tuple[datetime | None, str | None]:
    """When the customer's history begins, and by which rules the latest change until then was decided."""
    row = connection.execute(_RECORDED, {"customer": customer_id, "at": at}).fetchone()
    return (row[0], row[1]) if row else (None, None)


def _previous(
    connection: Connection, standings: Standings, customer_id: int, at: datetime, recorded: datetime | None
) -> Standing | None:
    """The standing of then by the history; before the history begins there is none."""
    if recorded is None or recorded > at:
        return None
    of_then: dict[str, Any] = standing_as_of(connection, customer_id, at)
    given = _given(connection, standings, customer_id, at, of_then["tags"])
    return Standing(**of_then, given=given, at=microseconds(at))


def _given(
    connection: Connection, standings: Standings, customer_id: int, at: datetime, held: frozenset[str]
) -> dict[str, int]:
    """Since when the conditions of tags held: from the latest gain of each that is held, or that went by expiring."""
    asked = {"customer": customer_id, "at": at}
    gained = {name: microseconds(when) for kind, name, when in connection.execute(_GAINED, asked) if kind == "tag"}
    lost = {name: microseconds(when) for name, when in connection.execute(_LOST, asked)}
    expires = {tag.name: tag.expires * 1_000_000 for tag in standings.rules.standing.tags if tag.expires is not None}
    return {
        name: when
        for name, when in gained.items()
        if name in held or (name in expires and lost.get(name, 0) >= when + expires[name])
    }


def _since(connection: Connection, customer_id: int, at: datetime) -> dict[tuple[str, str], int]:
    rows = connection.execute(_GAINED, {"customer": customer_id, "at": at})
    return {(kind, name): microseconds(when) for kind, name, when in rows}


def _micro(at: datetime | None) -> int | None:
    return None if at is None else microseconds(at)
