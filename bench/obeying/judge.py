"""Judges what was sent by the facts and the table of messages alone. Nothing here is taken from reserve.

It reads the rules' numbers from the YAML and works with the standard library's calendar and the package `holidays`.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import psycopg
import yaml
from psycopg.rows import namedtuple_row

from bench.obeying.drive import PHASE, Told
from bench.obeying.shop import BEGIN

_UNITS = {"m": 60, "h": 3600, "d": 86400, "s": 1}
_MESSAGES = """
select m.id, m.state, m.at, m.channel, m.purpose, m.playbook, m.customer_id, m.journey_id, m.places, m.key,
       c.key as customer, c.email, coalesce(c.zone, s.zone) as zone, coalesce(c.country, s.country) as country,
       o.paid_at, o.cancelled_at, j.subject, j.started_at
  from messages m join customers c on c.id = m.customer_id join journeys j on j.id = m.journey_id
  left join orders o on o.id = j.order_id left join shops s on s.id = o.shop_id
 order by m.at, m.id
"""

Row = Any
"""A row of a query, by its columns' names."""


@dataclass
class Verdict:
    """Violations by promise, how many messages were judged, and what became of all."""

    violations: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    judged: int = 0


def judge(connection: psycopg.Connection[Any], policy_text: str, told: Iterable[Told]) -> Verdict:
    """All promises, over all messages that left or may have left or are about to."""
    return _Judge(connection, yaml.safe_load(policy_text)["policy"], list(told)).judge()


class _Judge:
    def __init__(self, connection: psycopg.Connection[Any], policy: dict[str, Any], told: list[Told]) -> None:
        self.policy = policy
        with connection.cursor(row_factory=namedtuple_row) as cursor:
            self.messages = cursor.execute(_MESSAGES).fetchall()
            self.consents = _by_customer(cursor.execute("select * from consents").fetchall())
            self.barred = _by_customer(cursor.execute("select * from suppressions").fetchall())
            self.cases = _by_customer(cursor.execute("select * from cases").fetchall())
            self.orders = _by_customer(cursor.execute("select customer_id, paid_at from orders").fetchall())
            counted = cursor.execute("select place, used, promised from capacity_use").fetchall()
            self.counted = {row.place: (row.used, row.promised) for row in counted}
            self.states = cursor.execute("select state, coalesce(reason, '') as reason from messages").fetchall()
        self.told = {(each.phase, each.what) for each in told}
        self.left = [each for each in self.messages if each.state in ("sent", "in_flight", "in_doubt", "reserved")]
        self.free = {name for name, each in policy["purposes"].items() if each["consent"] == "none"}
        self.rest = {code: holidays.country_holidays(code, years=2026) for code in policy["holidays"]["countries"]}

    def judge(self) -> Verdict:
        verdict = Verdict(judged=len(self.left))
        verdict.states.update(row.state for row in self.states)
        verdict.reasons.update(f"{row.state} {row.reason}".strip() for row in self.states)
        for message in self.left:
            verdict.violations.update(self._broken_by(message))
        verdict.violations.update(self._caps())
        verdict.violations.update(self._capacities())
        verdict.violations.update(self._limits())
        verdict.violations.update(self._places())
        keys = Counter(message.key for message in self.messages)
        verdict.violations["key used twice"] += sum(count - 1 for count in keys.values())
        verdict.violations = +verdict.violations
        return verdict

    def _broken_by(self, m: Row) -> Iterator[str]:
        if not self._agreed(m):
            yield "consent"
        if any(
            row.channel in (m.channel, "*") and row.since <= m.at and (row.until is None or row.until > m.at)
            for row in self.barred[m.customer_id]
        ):
            yield "suppression"
        yield from self._by_the_calendar(m)
        if m.purpose not in self.free and self._held_out(m):
            yield "holdout"
        if m.playbook == "reminder" and any(each and each <= m.at for each in (m.paid_at, m.cancelled_at)):
            yield "stop"
        if m.playbook == "news" and any(
            row.paid_at and m.started_at <= row.paid_at <= m.at for row in self.orders[m.customer_id]
        ):
            yield "goal"
        phase = (m.at - BEGIN) // PHASE
        if (phase, "*") in self.told or (phase, m.playbook) in self.told:
            yield "playbook paused or killed"
        if (phase, str(m.journey_id)) in self.told:
            yield "journey paused"
        for hold in self.policy["holds"]:
            within = _seconds(hold["while"]["did"]["within"])
            if m.purpose in hold["purposes"] and any(
                timedelta() <= m.at - row.opened_at <= timedelta(seconds=within) for row in self.cases[m.customer_id]
            ):
                yield "hold"
        if m.playbook == "trial" and not {m.customer, m.email} & set(self.policy["test_recipients"]):
            yield "test recipients"

    def _agreed(self, m: Row) -> bool:
        asked = self.policy["purposes"][m.purpose]["consent"]
        said = [
            row
            for row in self.consents[m.customer_id]
            if row.purpose == m.purpose and row.channel in (m.channel, "*") and row.at <= m.at
        ]
        latest = max(said, key=lambda row: (row.at, row.channel != "*", row.id), default=None)
        if asked == "none":
            return True
        return asked == "opt_out" if latest is None else latest.granted

    def _by_the_calendar(self, m: Row) -> Iterator[str]:
        local = m.at.astimezone(ZoneInfo(m.zone or self.policy["zone"]))
        day, quiet = local.date(), self.policy["quiet_hours"]
        if m.purpose not in quiet["exempt"]:
            begins, ends = time.fromisoformat(quiet["start"]), time.fromisoformat(quiet["end"])
            if local.time() >= begins or local.time() < ends:
                yield "quiet hours"
            if day.strftime("%A").lower() not in self.policy["weekdays"]:
                yield "weekday"
            if day in self.rest.get(m.country, ()) or day in map(_day, self.policy["holidays"]["days"]):
                yield "holiday"
        for each in self.policy["blackout"]:
            if _day(each["from"]) <= day <= _day(each["to"]) and m.purpose in each.get("purposes", [m.purpose]):
                yield "blackout"

    def _held_out(self, m: Row) -> bool:
        own = {"news": 1000}.get(m.playbook, 0)
        return any(
            int.from_bytes(hashlib.sha256(f"holdout/{name}/{m.customer}".encode()).digest()[:8]) % 10_000 < share
            for name, share in (("", 500), (m.playbook, own))
        )

    def _caps(self) -> Iterator[str]:
        for cap in self.policy["caps"]:
            of_customer: defaultdict[int, list[datetime]] = defaultdict(list)
            for m in self.left:
                if (
                    m.purpose not in self.free
                    and m.purpose in cap.get("purposes", [m.purpose])
                    and m.channel in cap.get("channels", [m.channel])
                ):
                    of_customer[m.customer_id].append(m.at)
            for instants in of_customer.values():
                for first, last in zip(instants, instants[cap["at_most"] :], strict=False):
                    if last - first < timedelta(seconds=_seconds(cap["per"])):
                        yield "cap"

    def _capacities(self) -> Iterator[str]:
        zone = ZoneInfo(self.policy["zone"])
        used: Counter[tuple[str, str, object]] = Counter()
        for m in self.left:
            if m.channel == "email":
                used["email", "per_hour", m.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)] += 1
            if m.playbook in self.policy["capacities"]["support"]["playbooks"]:
                used["support", "per_day", m.at.astimezone(zone).date()] += 1
        for (name, span, _), count in used.items():
            yield from ["capacity"] * max(0, count - self.policy["capacities"][name][span])

    def _limits(self) -> Iterator[str]:
        limit = self.policy["channels"]["sms"]["limit"]
        apart = timedelta(seconds=_seconds(limit["per"])) / limit["count"]
        ahead = datetime.min.replace(tzinfo=UTC)
        for m in self.left:
            if m.channel == "sms":
                if ahead - m.at > (limit["burst"] - 1) * apart + timedelta(microseconds=limit["count"]):
                    yield "channel limit"
                ahead = max(ahead, m.at) + apart

    def _places(self) -> Iterator[str]:
        """The counters say what the messages say, so nothing was given back twice or kept."""
        used: Counter[str] = Counter()
        promised: Counter[str] = Counter()
        for m in self.messages:
            (promised if m.state == "deferred" else used).update(m.places)
        for place in {*used, *promised, *self.counted}:
            if self.counted.get(place, (0, 0)) != (used[place], promised[place]):
                yield "places"


def _by_customer(rows: list[Any]) -> defaultdict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.customer_id].append(row)
    return found


def _seconds(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]]


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
