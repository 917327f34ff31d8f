"""Everyone's R, F, M, groups, scores, stage and tier as of an instant, worked out with pandas from the CSV files alone.

Nothing of the engine is used here.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.olist.expected import ZONE

_DAY = pd.Timedelta(days=1)
_GROUPS = {
    (True, True, True): "key-value",
    (False, True, True): "key-keep",
    (True, False, True): "key-develop",
    (False, False, True): "key-retain",
    (True, True, False): "potential",
    (True, False, False): "rfm-new",
    (False, True, False): "general-keep",
    (False, False, False): "rfm-lost",
}


def counted_orders(directory: Path) -> pd.DataFrame:
    """Each person's orders that are not called cancelled or unavailable, with their instants in UTC."""
    people = _people(directory)
    orders = pd.read_csv(
        directory / "olist_orders_dataset.csv.gz",
        usecols=["order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at"],
    ).merge(people, on="customer_id")
    orders = orders.rename(
        columns={"customer_unique_id": "person", "order_purchase_timestamp": "placed", "order_approved_at": "paid"}
    )
    for name in ("placed", "paid"):
        local = pd.to_datetime(orders[name], format="%Y-%m-%d %H:%M:%S")
        orders[name] = local.dt.tz_localize(ZONE, ambiguous=np.ones(len(local), dtype=bool)).dt.tz_convert("UTC")
    return orders[~orders["order_status"].isin(["canceled", "unavailable"])]


def _people(directory: Path) -> pd.DataFrame:
    return pd.read_csv(directory / "olist_customers_dataset.csv.gz", usecols=["customer_id", "customer_unique_id"])


def expected_standing(directory: Path, at: pd.Timestamp) -> pd.DataFrame:
    """A row for each of the 96,096 people: days since the last paid order, orders and spend, and what follows."""
    people, orders = _people(directory), counted_orders(directory)
    paid = orders[(orders["placed"] <= at) & (orders["paid"] <= at)]
    payments = pd.read_csv(directory / "olist_order_payments_dataset.csv.gz", usecols=["order_id", "payment_value"])
    cents = (payments["payment_value"] * 100).round().astype("int64")
    payments = payments.assign(cents=cents).merge(paid[["order_id", "person", "paid"]], on="order_id")

    found = pd.DataFrame(index=pd.Index(sorted(people["customer_unique_id"].unique()), name="person"))
    by_person = paid.groupby("person")["placed"]
    found["days"] = ((at - by_person.max()) // _DAY).reindex(found.index).astype("Int64")
    found["orders"] = by_person.count().reindex(found.index, fill_value=0)
    recent = paid[paid["placed"] > at - 730 * _DAY]
    found["frequency"] = recent.groupby("person")["placed"].count().reindex(found.index, fill_value=0)
    for name, days in (("spend_365d", 365), ("monetary", 730)):
        inside = payments[payments["paid"] > at - days * _DAY]
        found[name] = inside.groupby("person")["cents"].sum().reindex(found.index, fill_value=0)
    found["stage"] = _stages(found)
    found["tier"] = _tiers(found["spend_365d"])
    return found.join(_rfm(found[found["frequency"] >= 1]))


def _stages(found: pd.DataFrame) -> pd.Series:
    days = found["days"].astype("float")
    conditions = [
        found["orders"] == 0,
        (found["orders"] == 1) & (days < 30),
        days < 90,
        days < 180,
        days < 365,
    ]
    names = ["prospect", "new", "active", "sleeping", "pre-churn"]
    return pd.Series(np.select(conditions, names, "lost"), index=found.index)


def _tiers(spend: pd.Series) -> pd.Series:
    """Cumulative shares from the top of those who spent: a cut-off is the value at rank ceil(n * share)."""
    ranked = spend[spend > 0].sort_values(ascending=False).to_numpy()
    cut_offs = [ranked[-(-len(ranked) * share // 100) - 1] for share in (10, 25, 50)]
    conditions = [spend >= cut_off for cut_off in cut_offs]
    return pd.Series(np.select(conditions, ["supreme", "vip", "senior"], "ordinary"), index=spend.index)


def _rfm(base: pd.DataFrame) -> pd.DataFrame:
    days, frequency, monetary = base["days"].astype("int64"), base["frequency"], base["monetary"]
    halves = zip(days <= days.median(), frequency >= 2, monetary >= monetary.median(), strict=True)
    return pd.DataFrame(
        {
            "rfm_group": [_GROUPS[tuple(map(bool, half))] for half in halves],
            "rfm_recency": _scores(-days),
            "rfm_frequency": _scores(frequency),
            "rfm_monetary": _scores(monetary),
        },
        index=base.index,
    )


def _scores(values: pd.Series) -> pd.Series:
    """1 to 5 by percent rank, ties at their lowest rank; whole numbers, since a float could fall off the edge."""
    rank = values.rank(method="min").astype("int64")
    return (1 + 5 * (rank - 1) // (len(values) - 1)).clip(upper=5)
