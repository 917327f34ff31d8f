"""What `review-request` must send in a window of Olist, worked out with pandas from the CSV files alone.

Nothing of the engine is used here. Olist tells of each order when it arrived and of each review when it was written; it
tells of no complaint, no return and no time in which a product settles, so the playbook's own time counts.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tests.olist.expected import ZONE, Row, awake, seconds

_NEVER = pd.Timestamp("2200-01-01", tz="UTC")


def _instants(local: pd.Series) -> pd.Series:
    read = pd.to_datetime(local, format="%Y-%m-%d %H:%M:%S")
    return read.dt.tz_localize(ZONE, ambiguous=[True] * len(read), nonexistent="shift_forward").dt.tz_convert("UTC")


def arrived(directory: Path) -> pd.DataFrame:
    """Each order that arrived, with the instant and score of its first review, where it has one."""
    columns = {"order_delivered_customer_date": "delivered"}
    orders = pd.read_csv(directory / "olist_orders_dataset.csv.gz", usecols=["order_id", *columns])
    orders = orders.rename(columns=columns).dropna(subset="delivered")
    orders["delivered"] = _instants(orders["delivered"])
    reviews = pd.read_csv(
        directory / "olist_order_reviews_dataset.csv.gz",
        usecols=["review_id", "order_id", "review_score", "review_creation_date"],
    )
    reviews["written"] = _instants(reviews["review_creation_date"])
    first = reviews.sort_values(["order_id", "written", "review_id"]).drop_duplicates("order_id")
    return orders.merge(first[["order_id", "written", "review_score"]], on="order_id", how="left")


def expected_requests(directory: Path, rules: Path, start: datetime, to: datetime) -> set[Row]:
    """Every message of `review-request` for orders that arrived in [start, to), up to `to`."""
    policy = yaml.safe_load((rules / "policy.yaml").read_text())["policy"]
    playbook = (rules / "playbooks" / "review-request.yaml").read_text()
    (settling,) = re.findall(r"product.settling_time, default: (\w+)", playbook)
    orders = arrived(directory)
    found: set[Row] = set()
    for order in orders[(orders["delivered"] >= start) & (orders["delivered"] < to)].itertuples():
        found |= _Order(
            order, policy["quiet_hours"], pd.Timestamp(to), pd.Timedelta(seconds=seconds(settling))
        ).messages()
    return found


@dataclass
class _Order:
    """One order's way through the playbook, as it is written in prose."""

    row: Any
    quiet: dict[str, Any]
    to: pd.Timestamp
    settling: pd.Timedelta
    sent: set[Row] = field(default_factory=set)

    def messages(self) -> set[Row]:
        now = self.row.delivered + self.settling
        if self._reviewed(now):
            return set()
        now = self._send("ask", now)
        if not self._reviewed(now):
            now = min(self._written(), now + pd.Timedelta(days=7))
            if not self._reviewed(now):
                now = self._send("again", now)
                now = now if self._reviewed(now) else self._written_within(now, pd.Timedelta(days=14))
        if self._reviewed(now) and self.row.review_score >= 4:
            self._send("thanks", now)
        return self.sent

    def _send(self, step: str, now: pd.Timestamp) -> pd.Timestamp:
        """When the step is over: after the window's end nothing happens any more."""
        if now >= self.to:
            return _NEVER
        release = awake(now, self.quiet, f"review-request/{self.row.order_id}/{step}/1")
        if release >= self.to:
            self.sent.add(Row(self.row.order_id, step, "skipped", "replay-ended", self.to))
            return _NEVER
        self.sent.add(Row(self.row.order_id, step, "sent", "", release))
        return release

    def _written(self) -> pd.Timestamp:
        return self.row.written if pd.notna(self.row.written) else _NEVER

    def _written_within(self, now: pd.Timestamp, patience: pd.Timedelta) -> pd.Timestamp:
        return self._written() if self._written() <= now + patience else now

    def _reviewed(self, now: pd.Timestamp) -> bool:
        return self._written() <= now < _NEVER
