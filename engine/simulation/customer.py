"""One customer in a world: facts, standing, tags by hand, points, and what she will answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.attributes.relations import RELATIONS
from engine.conditions.operands import instant, microseconds
from engine.facts.ledger import Entry, New
from engine.simulation.answers import Answers
from engine.simulation.history import History
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import Change, HandTag, Standing


@dataclass(frozen=True, slots=True)
class Noted:
    """A change of standing, when it was noted."""

    change: Change
    at: datetime


@dataclass
class Customer:
    """Who lives in a world. `known`: since before it begins, so that the first judgement is a baseline."""

    number: int
    history: History
    hand_tags: list[HandTag] = field(default_factory=list)
    cut_offs: CutOffs | None = None
    previous: Standing | None = None
    answers: Answers = field(default_factory=dict)
    known: bool = True
    standing: Standing | None = None
    next_flip: int | None = None
    noted: list[Noted] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    redeemed: dict[tuple[int, str], datetime] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    """All that was sent to her or waits, by any journey."""

    def __post_init__(self) -> None:
        self._read_points()
        self._read_messages()

    def _read_messages(self) -> None:
        """Those of before the world count for caps as its own do."""
        slots = RELATIONS["messages"].slots
        for place, row in enumerate(self.history.rows["messages"]):
            said = {name: row[slots[name]] for name in ("state", "reason", "purpose", "channel")}
            if (at := _instant(row[0])) is not None:
                self.messages.append({**said, "at": at, "until": None, "journey": 0, "step": "", "iteration": place})

    def _read_points(self) -> None:
        slots = RELATIONS["points"].slots
        for row in self.history.rows["points"]:
            said = {name: row[slot] for name, slot in slots.items()}
            self.entries.append(
                Entry(
                    len(self.entries) + 1,
                    said["kind"],  # type: ignore[arg-type]  # the column's own words
                    said["points"] or 0,  # type: ignore[arg-type]  # a whole number
                    _instant(row[0]) or instant(0),
                    _instant(said["available_at"]),
                    _instant(said["expires_at"]),
                    self.history.order_of(str(said["number"])),
                )
            )

    def address(self) -> dict[str, Any]:
        """What a send must know of the person; what she is reached by is made up."""
        history = self.history
        return {
            "customer_key": history.person("key"),
            "email": "customer@example.com" if history.person("has_email") else None,
            "phone": "+4900000000" if history.person("has_phone") else None,
            "zone": history.person("zone") or history.facts.zone,
            "country": history.person("country"),
        }

    def write(self, new: New) -> None:
        """Writes an entry of the points ledger, once for each key."""
        if new.key in self.keys:
            return
        self.keys.add(new.key)
        available = new.available_at or new.at
        number = len(self.entries) + 1
        self.entries.append(
            Entry(number, new.kind, new.points, new.at, available, new.expires_at, new.order_id, new.lot)
        )
        self.history.add(
            "points",
            microseconds(new.at),
            kind=new.kind,
            points=new.points,
            available_at=microseconds(available),
            expires_at=None if new.expires_at is None else microseconds(new.expires_at),
            number=self.history.order(new.order_id).get("number"),
        )

    def suppressed(self, at: datetime) -> frozenset[str]:
        """The channels on which she must not be reached."""
        slots, now = RELATIONS["suppressions"].slots, microseconds(at)
        return frozenset(
            str(row[slots["channel"]])
            for row in self.history.rows["suppressions"]
            if isinstance(row[0], int) and row[0] <= now and (row[slots["until"]] is None or row[slots["until"]] > now)  # type: ignore[operator]  # an instant
        )

    def consents(self, purpose: str, at: datetime) -> list[tuple[str, bool]]:
        """Channel (or `*`) and answer of a purpose, the one that counts first."""
        slots, now = RELATIONS["consents"].slots, microseconds(at)
        rows: Sequence[tuple[int, Any]] = [
            (place, row)
            for place, row in enumerate(self.history.rows["consents"])
            if row[slots["purpose"]] == purpose and isinstance(row[0], int) and row[0] <= now
        ]
        ordered = sorted(rows, key=lambda each: (-each[1][0], each[1][slots["channel"]] == "*", -each[0]))
        return [(row[slots["channel"]], bool(row[slots["granted"]])) for _, row in ordered]


def _instant(value: object) -> datetime | None:
    return instant(value) if isinstance(value, int) else None
