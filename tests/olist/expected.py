"""What payment reminders a window of Olist's orders must give, worked out with pandas from the CSV files alone.

Nothing of the engine is used here: the waits are read from the playbook's YAML and the quiet hours from the policy's.
What else a policy may hold back is worked out for no message, so it must not concern this playbook's.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import yaml

ZONE = ZoneInfo("America/Sao_Paulo")
_UNITS = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, order=True)
class Row:
    """One message: whose, which step, what became of it and at which instant."""

    order: str
    step: str
    state: str
    reason: str
    at: pd.Timestamp


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([mhd])", text).groups()
    return int(number) * _UNITS[unit]


def bank_slip_orders(directory: Path) -> pd.DataFrame:
    """Orders whose largest payment is a boleto, with their instants in UTC (the earlier one of an ambiguous hour)."""
    columns = {"order_purchase_timestamp": "placed", "order_approved_at": "paid"}
    orders = pd.read_csv(directory / "olist_orders_dataset.csv.gz", usecols=["order_id", *columns]).rename(
        columns=columns
    )
    payments = pd.read_csv(directory / "olist_order_payments_dataset.csv.gz")
    payments = payments.sort_values(["order_id", "payment_value", "payment_sequential"], ascending=[True, False, True])
    largest = payments.drop_duplicates("order_id")
    orders = orders[orders["order_id"].isin(largest.loc[largest["payment_type"] == "boleto", "order_id"])].copy()
    for name in columns.values():
        local = pd.to_datetime(orders[name], format="%Y-%m-%d %H:%M:%S")
        orders[name] = local.dt.tz_localize(ZONE, ambiguous=[True] * len(local)).dt.tz_convert("UTC")
    return orders


def expected_messages(directory: Path, rules: Path, start: datetime, to: datetime) -> set[Row]:
    """Every message of `payment-reminder` for orders placed in [start, to), up to `to`."""
    playbook = yaml.safe_load((rules / "playbooks" / "payment-reminder.yaml").read_text())
    policy = yaml.safe_load((rules / "policy.yaml").read_text())["policy"]
    quiet = policy["quiet_hours"]
    assert not _bounds(policy, playbook["controls"]["purpose"], playbook["playbook"])
    orders = bank_slip_orders(directory)
    placed = orders[(orders["placed"] >= start) & (orders["placed"] < to)]
    found: set[Row] = set()
    for order in placed.itertuples():
        found |= _order_messages(order, playbook["steps"], quiet, pd.Timestamp(to))
    return found


def _bounds(policy: dict[str, Any], purpose: str, playbook: str) -> list[str]:
    """What of the policy, besides its quiet hours, concerns the messages of a purpose."""
    found = [key for key in ("weekdays", "holidays", "holdout", "mode") if policy.get(key)]
    listed = {key: policy.get(key, []) for key in ("caps", "blackout", "holds")}
    listed["capacities"] = list(policy.get("capacities", {}).values())
    for key, items in listed.items():
        concerned = (
            purpose in item.get("purposes", [purpose]) and playbook in item.get("playbooks", [playbook])
            for item in items
        )
        found += [key] * any(concerned)
    found += [f"limit of {name}" for name, channel in policy["channels"].items() if "limit" in channel]
    return found


def _order_messages(order: Any, steps: list[dict[str, Any]], quiet: dict[str, Any], to: pd.Timestamp) -> set[Row]:
    now, found = order.placed, set()
    paid = order.paid if pd.notna(order.paid) else pd.Timestamp.max.tz_localize("UTC")
    for step in steps:
        if "wait" in step:
            now += timedelta(seconds=seconds(step["wait"]))
            if paid <= now or now >= to:  # at one instant the payment precedes the wait's end
                return found
        elif "send" in step:
            name = step["send"]["id"]
            release = awake(now, quiet, f"payment-reminder/{order.order_id}/{name}/1")
            if release > now and paid <= release and paid < to:
                return found | {Row(order.order_id, name, "skipped", "stopped", paid)}
            if release >= to:
                return found | {Row(order.order_id, name, "skipped", "replay-ended", to)}
            found.add(Row(order.order_id, name, "sent", "", release))
            now = release
    return found


def awake(at: pd.Timestamp, quiet: dict[str, Any], key: str) -> pd.Timestamp:
    """When a message may leave: at once, or in the morning by the customer's clock, spread by its key's hash."""
    local = at.tz_convert(ZONE)
    begins, ends = time.fromisoformat(quiet["start"]), time.fromisoformat(quiet["end"])
    clock = local.time()
    if ends <= clock < begins:
        return at
    day = local.date() + timedelta(days=1) if clock >= begins else local.date()
    morning = pd.Timestamp(datetime.combine(day, ends)).tz_localize(ZONE)
    offset = int.from_bytes(hashlib.sha256(key.encode()).digest()) % seconds(quiet["spread"])
    return morning.tz_convert("UTC") + timedelta(seconds=offset)
