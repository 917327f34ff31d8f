"""`python -m engine.sample DIR [--seed N] [--customers N]` writes the sample shop's CSV files."""

import argparse
import sys
from pathlib import Path

from engine.sample.shop import CUSTOMERS, SEED, generate


def main(arguments: list[str] | None = None) -> int:
    """Writes the files and says how many rows each has; 1 if the arguments make no shop."""
    parser = argparse.ArgumentParser(prog="python -m engine.sample", description=__doc__)
    parser.add_argument("directory", type=Path, help="where the CSV files go")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed gives another shop")
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    options = parser.parse_args(arguments)
    try:
        rows = generate(options.directory, seed=options.seed, customers=options.customers)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"no sample shop was written: {error}\n")
        return 1
    sys.stdout.write("".join(f"{name:24}{count:>8,}\n" for name, count in rows.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
