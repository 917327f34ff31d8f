"""Customers: made known, kept up to date, and what they agree to or must not be sent."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import psycopg

from engine.facts.event_formats import parse_instant
from engine.facts.intake.contact import fold_email, international_phone
from engine.facts.intake.context import Incoming

PROFILE = (
    "given_name", "family_name", "email", "phone", "locale", "zone", "country", "region", "city", "postal_code",
    "birthday", "source",
)  # fmt: skip

# The person's key is the shop's, unless another shop's customer has taken it.
_CREATE = """
with person as (
    insert into customers (key, known_since, recorded_at, {names})
    values (case when exists (select from customers where key = %(key)s) then %(shop_key)s || '/' || %(key)s
                 else %(key)s end, %(known_since)s, %(recorded)s, {values})
    returning id
), identity as (
    insert into customer_identities (customer_id, shop_id, key, recorded_at)
    select id, %(shop)s, %(key)s, %(recorded)s from person
)
select id from person
""".format(  # noqa: S608 - the names are PROFILE's
    names=", ".join(PROFILE), values=", ".join(f"%({name})s" for name in PROFILE)
)
_UPDATE = "update customers set {} where id = %(id)s"
# Only where something becomes known: most orders tell what is known already, and each version of a row costs.
_FILL = f"""
{_UPDATE.format(", ".join(f"{name} = coalesce({name}, %({name})s)" for name in PROFILE))}
   and ({" or ".join(f"{name} is distinct from coalesce({name}, %({name})s)" for name in PROFILE)})
"""
_CONSENT = """
insert into consents (customer_id, purpose, channel, granted, at, source, recorded_at)
values (%(customer)s, %(purpose)s, %(channel)s, %(granted)s, %(at)s, %(source)s, %(recorded)s)
on conflict (customer_id, purpose, channel, at) do update set granted = excluded.granted, source = excluded.source
"""
_SUPPRESS = """
insert into suppressions (customer_id, channel, reason, since, until, recorded_at)
values (%(customer)s, %(channel)s, %(reason)s, %(at)s, %(until)s, %(recorded)s)
on conflict (customer_id, channel, reason, since) do update set until = excluded.until
"""
_LIFT = """
update suppressions set until = %(at)s
 where customer_id = %(customer)s and channel = %(channel)s and since <= %(at)s and (until is null or until > %(at)s)
   and (%(reason)s::text is null or reason = %(reason)s)
"""


def profile(told: Mapping[str, Any], shop_country: str | None, notes: list[str]) -> dict[str, object]:
    """The columns of a customer that the told person names, made comparable; what is unusable is noted, not kept."""
    found: dict[str, object] = {name: told[name] for name in PROFILE if name in told}
    if isinstance(email := found.get("email"), str):
        found["email"] = fold_email(email)
        if found["email"] is None:
            notes.append("email left unknown: it is not an address")
    if isinstance(phone := found.get("phone"), str):
        country = told.get("country") or shop_country
        found["phone"] = international_phone(phone, country if isinstance(country, str) else None)
        if found["phone"] is None:
            notes.append("phone left unknown: it is not a number of its country")
    if isinstance(birthday := found.get("birthday"), str):
        found["birthday"] = date.fromisoformat(birthday)
    return found


def create_customer(
    connection: psycopg.Connection[Any],
    *,
    shop: tuple[int, str],
    key: str,
    columns: Mapping[str, object],
    known_since: datetime | None,
    recorded_at: datetime,
) -> int:
    """Makes a customer known to a shop (id and key) and returns our id; the caller holds the lock on the key."""
    values = dict.fromkeys(PROFILE) | dict(columns)
    values |= {"shop": shop[0], "shop_key": shop[1], "key": key, "known_since": known_since, "recorded": recorded_at}
    row = connection.execute(_CREATE, values).fetchone()
    assert row is not None  # one row is inserted or the statement fails
    return int(row[0])


def fill_unknown(incoming: Incoming, told: Mapping[str, Any]) -> None:
    """Sets what is not known yet of a known customer; what is known stays."""
    columns = {} if incoming.customer_is_new else profile(told, incoming.shop_country, incoming.notes)
    if columns:
        incoming.execute(_FILL, **(dict.fromkeys(PROFILE) | columns), id=incoming.customer_id)


def customer_updated(incoming: Incoming) -> None:
    """Sets the named columns; null makes one unknown."""
    incoming.read_state()
    columns = {} if incoming.customer_is_new else profile(incoming.data, incoming.shop_country, incoming.notes)
    incoming.stored["changed"] = sorted(set(incoming.data) & {*PROFILE, "known_since"})
    incoming.log(once=False)
    since = incoming.data.get("known_since")
    if since is not None:
        columns["known_since"] = parse_instant(since)
    if columns:
        assignments = ", ".join(f"{name} = %({name})s" for name in columns)  # names of our own table only
        incoming.execute(_UPDATE.format(assignments), **columns, id=incoming.customer_id)


def consent_changed(incoming: Incoming) -> None:
    """Notes a consent or refusal as of the event's instant."""
    incoming.read_state()
    incoming.stored.setdefault("channel", "*")
    incoming.log(once=False)
    data = incoming.data
    incoming.execute(
        _CONSENT,
        customer=incoming.customer_id,
        purpose=data["purpose"],
        channel=data.get("channel", "*"),
        granted=data["granted"],
        at=incoming.event.at,
        source=data.get("source"),
        recorded=incoming.recorded_at,
    )


def suppression_added(incoming: Incoming) -> None:
    """Notes that nothing may be sent by a channel from the event's instant on."""
    incoming.read_state()
    incoming.stored.setdefault("channel", "*")
    incoming.log(once=False)
    until = incoming.data.get("until")
    suppress(
        incoming,
        channel=incoming.data.get("channel", "*"),
        reason=incoming.data["reason"],
        until=parse_instant(until) if until else None,
    )


def suppression_lifted(incoming: Incoming) -> None:
    """Ends the open suppressions of a channel."""
    incoming.read_state()
    incoming.stored.setdefault("channel", "*")
    incoming.log(once=False)
    incoming.execute(
        _LIFT,
        customer=incoming.customer_id,
        channel=incoming.data.get("channel", "*"),
        reason=incoming.data.get("reason"),
        at=incoming.event.at,
    )


def suppress(incoming: Incoming, *, channel: str, reason: str, until: datetime | None = None) -> None:
    """Writes one suppression of the event's customer from the event's instant on."""
    incoming.execute(
        _SUPPRESS,
        customer=incoming.customer_id,
        channel=channel,
        reason=reason,
        at=incoming.event.at,
        until=until,
        recorded=incoming.recorded_at,
    )


def withdraw_consent(incoming: Incoming, *, purpose: str, channel: str, source: str) -> None:
    """Notes that the customer no longer wants messages of a purpose by a channel."""
    incoming.execute(
        _CONSENT,
        customer=incoming.customer_id,
        purpose=purpose,
        channel=channel,
        granted=False,
        at=incoming.event.at,
        source=source,
        recorded=incoming.recorded_at,
    )
