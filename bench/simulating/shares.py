"""A share of the orders of Olist, as CSV files of the same form."""

import shutil
from pathlib import Path

import pandas as pd

_OF_ORDERS = ("order_items", "order_payments", "order_reviews", "orders")


def share_of(olist: Path, directory: Path, percent: int) -> Path:
    """A directory with every so many-th customer's orders and all that belongs to them.

    Args:
        olist: the directory of the Olist data.
        directory: where the files are written; of all orders it is the data's own that is given.
        percent: the share.
    """
    if percent == 100:
        return olist
    directory.mkdir(parents=True)
    customers = pd.read_csv(olist / "olist_customers_dataset.csv.gz", dtype=str)
    kept = customers[pd.util.hash_pandas_object(customers["customer_unique_id"], index=False) % 100 < percent]
    orders = pd.read_csv(olist / "olist_orders_dataset.csv.gz", dtype=str)
    numbers = orders[orders["customer_id"].isin(kept["customer_id"])]["order_id"]
    for file in olist.glob("*.csv.gz"):
        name = file.name.removeprefix("olist_").removesuffix("_dataset.csv.gz")
        if name == "customers":
            kept.to_csv(directory / file.name, index=False)
        elif name in _OF_ORDERS:
            rows = pd.read_csv(file, dtype=str, keep_default_na=False)
            rows[rows["order_id"].isin(numbers)].to_csv(directory / file.name, index=False)
        else:
            shutil.copy(file, directory / file.name)
    return directory
