"""Whether all sides find the same: on few customers with the fold, on more with one another."""

import sys
import tempfile
from pathlib import Path

from bench.at_scale import compiled, duckdb_by_hand, fold, pandas_by_hand
from bench.at_scale.lines import ASKED_AT, Size, facts
from bench.at_scale.result import Result

FOLDED, COMPARED = Size(2_000, 20_000), Size(10_000, 100_000)
MEMORY = "1GB"


def main() -> int:
    """Says what differs; 1 if anything does."""
    for size, sides in ((FOLDED, ("fold", "pandas", "compiled")), (COMPARED, ("pandas", "compiled"))):
        directory = facts(size)
        by_hand = _found("duckdb", directory)
        for side in sides:
            if told := _found(side, directory).differences(by_hand):
                sys.exit(f"{side} and DuckDB by hand differ at {size}:\n" + "\n".join(told))
    _check_edited(facts(COMPARED))
    return 0


def _found(side: str, directory: Path) -> Result:
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as spill:
        match side:
            case "fold":
                return fold.result(directory, ASKED_AT)
            case "pandas":
                return pandas_by_hand.result(*pandas_by_hand.evaluate(directory, ASKED_AT))
            case "compiled":
                return compiled.result(compiled.evaluate(directory, ASKED_AT, Path(spill), MEMORY))
            case _:
                connection = duckdb_by_hand.connect(Path(spill))
                duckdb_by_hand.evaluate(connection, directory, ASKED_AT)
                return duckdb_by_hand.result(connection)


def _check_edited(directory: Path) -> None:
    """Who enters and leaves by one edited segment."""
    by_pandas = pandas_by_hand.edited(directory, ASKED_AT)
    wanted = {(int(number), bool(row.before), bool(row.now)) for number, row in by_pandas.iterrows()}
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as spill:
        connection = duckdb_by_hand.connect(Path(spill))
        duckdb_by_hand.edited(connection, directory, ASKED_AT)
        by_duckdb = set(connection.sql("select customer, before, now from edited").fetchall())
        by_rules = compiled.changed(compiled.edited(directory, ASKED_AT, Path(spill), MEMORY))
    if not wanted == by_duckdb == by_rules:
        sys.exit("the sides differ in who enters and leaves by the edited segment")


if __name__ == "__main__":
    sys.exit(main())
