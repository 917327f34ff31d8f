"""What `shipment-notice` must send in a window of Olist, worked out with pandas from the CSV files alone.

Nothing of the engine is used here. Olist tells of each parcel when it left, what was promised and when it arrived; it
tells of no courier, no delay and no loss, so those messages cannot come.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tests.olist.expected import ZONE, Row, awake

_COLUMNS = {
    "order_status": "status",
    "order_delivered_carrier_date": "shipped",
    "order_delivered_customer_date": "delivered",
    "order_estimated_delivery_date": "promised",
}
_ROUND, _ROUNDS, _PATIENCE = pd.Timedelta(days=7), 8, pd.Timedelta(days=14)
_NEVER = pd.Timestamp("2200-01-01", tz="UTC")


def parcels(directory: Path) -> pd.DataFrame:
    """A parcel for each order that left, with its instants in UTC (the earlier one of an ambiguous hour)."""
    found = pd.read_csv(directory / "olist_orders_dataset.csv.gz", usecols=["order_id", *_COLUMNS])
    found = found.rename(columns=_COLUMNS)
    for name in ("shipped", "delivered", "promised"):
        local = pd.to_datetime(found[name], format="%Y-%m-%d %H:%M:%S")
        instants = local.dt.tz_localize(ZONE, ambiguous=[True] * len(local), nonexistent="shift_forward")
        found[name] = instants.dt.tz_convert("UTC")
    return found[found["shipped"].notna()]


def expected_notices(directory: Path, rules: Path, start: datetime, to: datetime) -> set[Row]:
    """Every message of `shipment-notice` for parcels that left in [start, to), up to `to`."""
    quiet = yaml.safe_load((rules / "policy.yaml").read_text())["policy"]["quiet_hours"]
    all_parcels = parcels(directory)
    left = all_parcels[(all_parcels["shipped"] >= start) & (all_parcels["shipped"] < to)]
    found: set[Row] = set()
    for parcel in left.itertuples():
        found |= _Parcel(parcel, quiet, pd.Timestamp(to)).messages()
    return found


@dataclass
class _Parcel:
    """One parcel's way through the playbook, as it is written in prose."""

    row: Any
    quiet: dict[str, Any]
    to: pd.Timestamp
    sent: set[Row] = field(default_factory=set)

    def messages(self) -> set[Row]:
        now = self.row.shipped
        if self.row.status in ("canceled", "unavailable"):
            return set()
        now = self._send("shipped", now)
        now = self._on_its_way(now)
        if self._overdue(now):
            now = self._send("late", now)
            if not self._delivered(now):
                now = min(self._arrival(), now + _PATIENCE)
        if self._delivered(now):
            self._send("delivered", now)
        return self.sent

    def _on_its_way(self, now: pd.Timestamp) -> pd.Timestamp:
        for _ in range(_ROUNDS):
            if self._delivered(now) or self._overdue(now):
                break
            now = min(self._arrival(), self._promise(), now + _ROUND)
        return now

    def _send(self, step: str, now: pd.Timestamp) -> pd.Timestamp:
        """When the step is over: after the window's end nothing happens any more."""
        if now >= self.to:
            return _NEVER
        subject = f"{self.row.order_id}/1"
        release = awake(now, self.quiet, f"shipment-notice/{self.row.order_id}/{step}/1")
        if release >= self.to:
            self.sent.add(Row(subject, step, "skipped", "replay-ended", self.to))
            return _NEVER
        self.sent.add(Row(subject, step, "sent", "", release))
        return release

    def _arrival(self) -> pd.Timestamp:
        return self.row.delivered if pd.notna(self.row.delivered) else _NEVER

    def _promise(self) -> pd.Timestamp:
        return self.row.promised if pd.notna(self.row.promised) else _NEVER

    def _delivered(self, now: pd.Timestamp) -> bool:
        return self._arrival() <= now

    def _overdue(self, now: pd.Timestamp) -> bool:
        return self._promise() <= now and not self._delivered(now)
