"""Everybody in bulk, from a shop in PostgreSQL: `make bench NAME=bulk`.

A million customers with ten million order lines, sixty attributes and fifty rules. The columnar mirror is built, and
refreshed after a thousandth of the facts is new: once all of the latest days, once spread over all months. Then
everybody is evaluated over it, and a plan is made of one edited segment. `ARGS='--customers 20000'` tries it out.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.at_scale.in_bulk import figures
from bench.figures import show
from bench.own_servers import again_with_servers


def main() -> int:
    """Measures and prints; 1 if a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    given = parser.parse_args()
    if "REGULARS_DATABASE_URL" not in os.environ:
        return again_with_servers("bulk", temporal=False)
    with tempfile.TemporaryDirectory() as directory:
        return show("bulk", figures(os.environ["REGULARS_DATABASE_URL"], given.customers, Path(directory)))


if __name__ == "__main__":
    sys.exit(main())
