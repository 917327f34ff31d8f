"""The same by a good analyst with pandas: masks over the lines, groupby, and no loop over customers.

What is missing is NaN; every number is less than 2^53, so floats hold it exactly. The file has each customer's lines in
the order of their keys, so sorting them by instant and leaving ties alone is enough for first and last.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from bench.at_scale.result import Result

_DAY = 86_400_000_000
_COLUMNS = [
    "customer", "@at", "number", "product", "category", "channel", "quantity", "repurchase_days", "launched_at",
    "discounted", "currency", "amount", "discount", "unit_price", "delivered_at", "cancelled_at", "paid_at", "counts",
]  # fmt: skip
_WINDOWS = (7, 30, 90, 180, 365, 730)
_SETS = ("categories_365d", "channels")
_TWO_DIGITS = (
    "repurchase_ratio", "discounted_share", "discounted_share_365d", "deal_share", "new_arrival_share",
    "cancelled_share", "discount_ratio",
)  # fmt: skip

Masks = dict[tuple[str, str], "pd.Series[bool]"]


def evaluate(directory: Path, at: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Everybody's values, and the memberships: customer, kind and name."""
    people = pd.Index(pd.read_parquet(directory / "people.parquet", columns=["customer"])["customer"]).sort_values()
    lines = _lines(directory, at)
    values = _values(lines, people, at)
    _rfm(values)
    tags = _tags(values)
    masks = {("tag", name): mask for name, mask in tags.items()}
    masks |= {("segment", name): mask for name, mask in _segments(values, tags).items()}
    members = [
        pd.DataFrame({"customer": values.index[mask], "kind": kind, "name": name})
        for (kind, name), mask in masks.items()
    ]
    return values, pd.concat(members, ignore_index=True)


def _lines(directory: Path, at: int) -> pd.DataFrame:
    """The lines up to the instant, in the order of time, and what is so of each as of then."""
    lines = pd.read_parquet(directory / "lines.parquet", columns=_COLUMNS)
    lines = lines[lines["@at"] <= at]
    for name in ("category", "channel", "product"):
        lines[name] = lines[name].astype("category")
    lines["number"] = pd.factorize(lines["number"])[0]
    for name in ("amount", "discount", "unit_price"):
        lines[name] = lines[name].where(lines["currency"] == "EUR")
    lines["place"] = np.arange(len(lines))
    lines = lines.drop(columns="currency").sort_values("@at", kind="stable", ignore_index=True)
    lines["has_paid"] = lines["paid_at"] <= at
    lines["cancelled"] = lines["cancelled_at"] <= at
    lines["paid"] = lines["has_paid"] & lines["counts"] & ~lines["cancelled"]
    lines["delivered"] = lines["delivered_at"].where(lines["delivered_at"] <= at)
    lines["deal"] = lines["channel"].isin(["deal", "coupon"])
    since_launch = lines["@at"] - lines["launched_at"]
    lines["new_arrival"] = (since_launch >= 0) & (since_launch < 14 * _DAY)
    return lines


def _values(lines: pd.DataFrame, people: pd.Index, at: int) -> pd.DataFrame:
    paid = lines[lines["paid"]]
    parts = {days: paid[paid["@at"] > at - days * _DAY] for days in _WINDOWS}
    found: dict[str, Any] = {}
    for days, part in parts.items():
        found[f"lines_{days}d"], found[f"spend_{days}d"] = _count(part, people), _sum(part, "amount", people)
    found["lines_ever"], found["spend_ever"] = _count(paid, people), _sum(paid, "amount", people)
    found["pieces_365d"] = _sum(parts[365], "quantity", people)
    found["orders_730d"] = _different(parts[730], "number", people)
    for category in ("shoes", "bags", "toys", "books"):
        of, of_year = paid[paid["category"] == category], parts[365][parts[365]["category"] == category]
        found[f"{category}_spend_365d"] = _sum(of_year, "amount", people)
        found[f"{category}_lines"] = _count(of, people)
        found[f"days_since_{category}"] = _days_since(_last(of, "@at", people), at)
    found["categories_365d"] = _set(parts[365], "category", people)
    found["categories_bought"] = _different(paid, "category", people)
    found["products_365d"] = _different(parts[365], "product", people)
    found["channels"] = _set(paid, "channel", people)
    for name in ("category", "repurchase_days"):
        found[f"last_{name}"] = _last(paid, name, people)
    found["last_channel"], found["first_channel"] = _last(lines, "channel", people), _first(lines, "channel", people)
    delivered = paid[paid["delivered"].notna()].sort_values(["delivered", "place"])
    found["last_delivered_category"] = _last(delivered, "category", people)
    found["last_line_at"] = _last(paid, "@at", people)
    found["days_since_last_line"] = _days_since(found["last_line_at"], at)
    found["days_since_first_line"] = _days_since(_first(paid, "@at", people), at)
    found["days_since_last_delivery"] = _days_since(lines.groupby("customer")["delivered"].max().reindex(people), at)
    used_up = paid[paid["repurchase_days"].notna()]
    found["days_since_repurchasable"] = _days_since(_last(used_up, "@at", people), at)
    found["repurchase_ratio"] = _two_digits(found["days_since_repurchasable"], found["last_repurchase_days"])
    found |= _shares(lines, paid, parts[365], people)
    found["new_arrivals_365d"] = _count(parts[365][parts[365]["new_arrival"]], people)
    found["discount_365d"] = _sum(parts[365][parts[365]["discounted"]], "discount", people)
    found["discount_ever"] = _sum(paid[paid["discounted"]], "discount", people)
    found |= _prices(paid, parts[365], people)
    unpaid = lines[~lines["has_paid"] & ~lines["cancelled"] & lines["counts"] & (lines["@at"] > at - 30 * _DAY)]
    found["unpaid_lines_30d"] = _count(unpaid, people)
    found["bought_by_deal_90d"] = _count(parts[90][parts[90]["deal"]], people) > 0
    found["never_paid"] = found["lines_ever"] == 0
    found["average_line"] = _half_even(found["spend_ever"], found["lines_ever"])
    found["discount_ratio"] = _two_digits(found["discount_ever"], found["spend_ever"])
    return pd.DataFrame(found, index=people)


def _shares(lines: pd.DataFrame, paid: pd.DataFrame, year: pd.DataFrame, people: pd.Index) -> dict[str, Any]:
    launched = paid[paid["launched_at"].notna()]
    asked = {
        "discounted_share": (paid, "discounted"),
        "discounted_share_365d": (year, "discounted"),
        "deal_share": (paid, "deal"),
        "new_arrival_share": (launched, "new_arrival"),
        "cancelled_share": (lines, "cancelled"),
    }
    return {name: _two_digits(_count(of[of[that]], people), _count(of, people)) for name, (of, that) in asked.items()}


def _prices(paid: pd.DataFrame, year: pd.DataFrame, people: pd.Index) -> dict[str, Any]:
    prices = paid.groupby("customer")["unit_price"].agg(["sum", "count", "max", "min"]).reindex(people)
    pieces = year.groupby("customer")["quantity"].agg(["sum", "count"]).reindex(people)
    return {
        "average_unit_price": _half_even(prices["sum"], prices["count"]),
        "highest_unit_price": prices["max"],
        "lowest_unit_price": prices["min"],
        "average_pieces_365d": _half_even(10 * pieces["sum"], pieces["count"]) / 10,
    }


def _count(part: pd.DataFrame, people: pd.Index) -> "pd.Series[int]":
    return part.groupby("customer").size().reindex(people, fill_value=0)


def _sum(part: pd.DataFrame, name: str, people: pd.Index) -> "pd.Series[float]":
    """Of no rows nothing; of rows that are all unknown unknown."""
    return part.groupby("customer")[name].sum(min_count=1).reindex(people, fill_value=0)


def _different(part: pd.DataFrame, name: str, people: pd.Index) -> "pd.Series[int]":
    return _count(part[["customer", name]].dropna().drop_duplicates(), people)


def _last(part: pd.DataFrame, name: str, people: pd.Index) -> "pd.Series[Any]":
    known = part.loc[part[name].notna(), ["customer", name]]
    return known.drop_duplicates("customer", keep="last").set_index("customer")[name].reindex(people)


def _first(part: pd.DataFrame, name: str, people: pd.Index) -> "pd.Series[Any]":
    known = part.loc[part[name].notna(), ["customer", name]]
    return known.drop_duplicates("customer", keep="first").set_index("customer")[name].reindex(people)


def _set(part: pd.DataFrame, name: str, people: pd.Index) -> "pd.Series[Any]":
    """Sorted lists without a loop: all values after one another, and where each customer's begin."""
    pairs = part[["customer", name]].dropna().drop_duplicates()
    pairs = pairs.assign(**{name: pairs[name].astype(str)}).sort_values(["customer", name])
    ends = np.concatenate([[0], _count(pairs, people).to_numpy().cumsum()])
    lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(pairs[name], pa.string()))
    return pd.Series(pd.arrays.ArrowExtensionArray(lists), index=people)


def _has(values: pd.DataFrame, name: str, member: str) -> "pd.Series[bool]":
    """Whether a sorted list has a member: its place in all values tells whose it is."""
    lists = pa.chunked_array(values[name].array.__arrow_array__()).combine_chunks()
    places = np.flatnonzero(np.asarray(lists.flatten().to_pandas() == member))
    found = np.zeros(len(values), dtype=bool)
    found[np.searchsorted(np.asarray(lists.offsets), places, side="right") - 1] = True
    return pd.Series(found, index=values.index)


def _days_since(instants: "pd.Series[float]", at: int) -> "pd.Series[float]":
    return (at - instants) // _DAY


def _half_even(of: "pd.Series[Any]", over: "pd.Series[Any]") -> "pd.Series[float]":
    """Exact: the rest decides, not a float; unknown over zero."""
    over = over.where(over != 0)
    whole, rest = of // over, of % over
    return whole + ((2 * rest > over) | ((2 * rest == over) & (whole % 2 == 1)))


def _two_digits(of: "pd.Series[Any]", over: "pd.Series[Any]") -> "pd.Series[float]":
    """In hundredths."""
    return _half_even(100 * of, over)


def _rfm(values: pd.DataFrame) -> None:
    base = values[values["orders_730d"] >= 1]
    measured = base[["days_since_last_line", "spend_730d"]].notna().all(axis=1)
    recent = base["days_since_last_line"] <= base["days_since_last_line"].median()
    valuable = base["spend_730d"] >= base["spend_730d"].median()
    frequent = base["orders_730d"] >= 2
    groups = np.select(
        [valuable & recent & frequent, valuable & recent, valuable & frequent, valuable,
         recent & frequent, recent, frequent],
        ["key-value", "key-develop", "key-keep", "key-retain", "potential", "rfm-new", "general-keep"],
        "rfm-lost",
    )  # fmt: skip
    values["rfm_group"] = pd.Series(groups, index=base.index).where(measured)
    ranked = (("recency", "days_since_last_line", False), ("frequency", "orders_730d", True))
    for name, by, ascending in (*ranked, ("monetary", "spend_730d", True)):
        place = base[by].rank(method="min", ascending=ascending) - 1
        others = max(base[by].notna().sum() - 1, 1)
        values[f"rfm_{name}"] = (1 + 5 * place // others).clip(upper=5).where(measured)


def _tags(v: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    tags = {
        "returning": v["orders_730d"] >= 2,
        "loyal": (v["lines_365d"] >= 8) & (v["orders_730d"] >= 4),
        "fresh": v["days_since_first_line"] < 30,
        "active-lately": (v["lines_30d"] >= 1) | (v["days_since_last_delivery"] < 14),
        "at-risk": (v["days_since_last_line"] >= 90) & (v["days_since_last_line"] < 180) & (v["lines_365d"] >= 2),
        "deal-hunter": (v["deal_share"] >= 50) | (v["discounted_share"] >= 70),
        "full-price": (v["discounted_share"] == 0) & (v["lines_ever"] >= 3),
        "high-end": (v["average_unit_price"] >= 8000) & (v["lines_ever"] >= 2),
        "bargain": v["highest_unit_price"] < 4000,
        "new-arrival-lover": (v["new_arrivals_365d"] >= 2) & (v["new_arrival_share"] >= 25),
        "shoe-lover": (v["shoes_lines"] >= 3) & (v["days_since_shoes"] < 365),
        "bag-lover": (v["bags_lines"] >= 3) & (v["days_since_bags"] < 365),
        "explorer": v["categories_bought"] >= 5,
        "one-category": (v["categories_bought"] == 1) & (v["lines_ever"] >= 3),
        "cancels": v["cancelled_share"] > 25,
        "waits-to-pay": v["unpaid_lines_30d"] >= 1,
    }
    tags["valued"] = (tags["loyal"] | tags["high-end"]) & (v["spend_365d"] >= 20000)
    tags["price-driven"] = (tags["deal-hunter"] | tags["bargain"]) & ~tags["high-end"]
    tags["slipping"] = tags["returning"] & tags["at-risk"]
    tags["champion"] = (v["rfm_group"] == "key-value") & tags["valued"]
    return tags


def _segments(v: pd.DataFrame, tags: "dict[str, pd.Series[bool]]") -> "dict[str, pd.Series[bool]]":
    pause, shoes = v["days_since_last_line"], _has(v, "categories_365d", "shoes")
    by = {name: _has(v, "channels", name) for name in ("ad", "mail", "search")}
    keys = v["rfm_group"].isin(["key-value", "key-keep", "key-develop"])
    worth = (v["spend_365d"] >= 10000) | (v["average_line"] >= 5000)
    return {
        "prospects": v["never_paid"],
        "new-month": (v["days_since_first_line"] < 30) & (v["lines_30d"] >= 1),
        "second-order-due": (v["orders_730d"] == 1) & (pause >= 14) & (pause < 60),
        "sleeping": (pause >= 90) & (pause < 180),
        "pre-churn": (pause >= 180) & (pause < 365),
        "lost": pause >= 365,
        "dormant-high-value": (pause >= 90) & (pause < 365) & (v["spend_730d"] >= 30000),
        "big-week": v["spend_7d"] >= 10000,
        "big-month": v["spend_30d"] >= 15000,
        "quarter-regulars": (v["lines_90d"] >= 3) & (v["lines_180d"] >= 5),
        "gone-quiet": (v["lines_90d"] == 0) & (v["lines_365d"] >= 3),
        "growing": (v["spend_90d"] >= 8000) & (v["spend_180d"] < 20000),
        "shoes-now": (v["days_since_shoes"] < 60) & (v["shoes_spend_365d"] >= 10000),
        "bags-again": (v["days_since_bags"] >= 180) & (v["bags_spend_365d"] > 0),
        "toys-gifts": (v["toys_spend_365d"] >= 5000) & (v["days_since_toys"] < 120),
        "shoes-not-bags": shoes & ~_has(v, "categories_365d", "bags"),
        "shoes-and-care": shoes & _has(v, "categories_365d", "care"),
        "last-was-shoes": v["last_category"].isin(["shoes", "boots"]) & (pause < 45),
        "came-by-ad": (v["first_channel"] == "ad") & (v["orders_730d"] >= 2),
        "ad-to-mail": (v["first_channel"] == "ad") & (v["last_channel"] == "mail"),
        "many-channels": by["ad"] & by["mail"] & by["search"],
        "repurchase-due": (v["repurchase_ratio"] >= 100) & (v["repurchase_ratio"] < 150),
        "never-late": (v["days_since_last_delivery"] < 7) & (v["unpaid_lines_30d"] == 0),
        "deal-of-quarter": v["bought_by_deal_90d"] & (v["discount_365d"] >= 1000),
        "discount-eaters": (v["discount_ratio"] >= 10) & (v["discounted_share_365d"] >= 50),
        "wide-baskets": (v["average_pieces_365d"] >= 2) & (v["products_365d"] >= 4),
        "key-customers": keys & (v["rfm_monetary"] >= 4),
        "recall": v["rfm_group"].isin(["key-keep", "key-retain"]) & ~tags["cancels"],
        "win-back": tags["slipping"] & worth,
        "unloved": (v["lines_730d"] == 0) & ~v["never_paid"],
    }


def edited(directory: Path, at: int) -> pd.DataFrame:
    """Who enters and leaves when `dormant-high-value` begins at 60 days and not at 90."""
    names = ["customer", "@at", "currency", "amount", "cancelled_at", "paid_at", "counts"]
    lines = pd.read_parquet(directory / "lines.parquet", columns=names)
    paid = lines[(lines["@at"] <= at) & (lines["paid_at"] <= at) & lines["counts"] & ~(lines["cancelled_at"] <= at)]
    pause = _days_since(paid.groupby("customer")["@at"].max(), at)
    spent = paid[(paid["currency"] == "EUR") & (paid["@at"] > at - 730 * _DAY)].groupby("customer")["amount"].sum()
    worth = spent.reindex(pause.index) >= 30000
    before, now = (pause >= 90) & (pause < 365) & worth, (pause >= 60) & (pause < 365) & worth
    return pd.DataFrame({"before": before, "now": now})[before != now]


def result(values: pd.DataFrame, members: pd.DataFrame) -> Result:
    """What was found, for comparing: NaN is nothing, hundredths are decimals."""
    told = {name: _told(name, values[name]) for name in values.columns}
    rows = [dict(zip(told, row, strict=True)) for row in zip(*told.values(), strict=True)]
    numbered = [{"customer": int(number), **row} for number, row in zip(values.index, rows, strict=True)]
    return Result(numbered, frozenset(members.itertuples(index=False, name=None)))


def _told(name: str, column: "pd.Series[Any]") -> list[Any]:
    if name in _SETS:
        return [list(each) for each in column]
    values = [None if pd.isna(each) else each for each in column]
    if name in _TWO_DIGITS:
        return [None if each is None else Decimal(int(each)) / 100 for each in values]
    if name == "average_pieces_365d":
        return [None if each is None else Decimal(round(each * 10)) / 10 for each in values]
    if name in ("bought_by_deal_90d", "never_paid"):
        return [bool(each) for each in values]
    return [int(each) if isinstance(each, float | int | np.number) else each for each in values]
