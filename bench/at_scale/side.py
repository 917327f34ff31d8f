"""One side at work in a process of its own: `python -m bench.at_scale.side NAME DIRECTORY AT MEMORY`.

Prints a line of JSON: the seconds from the first byte read to the last row found, without the start of Python, and the
most memory that the process had, in megabytes.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Work = Callable[[Path, int, Path, str], Any]
"""Of the facts' directory, the instant in microseconds, a folder to spill into, and the limit of memory."""
BY_HAND = "4GB"
"""Of DuckDB by hand, which need not spare memory."""


def main() -> int:
    """Works once and tells what it took."""
    name, directory, at, memory = sys.argv[1:5]
    work = _sides()[name]
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as spill:
        started = time.perf_counter()
        kept = work(Path(directory), int(at), Path(spill), memory)
        seconds = time.perf_counter() - started
        del kept
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "megabytes": peak}) + "\n")
    return 0


def _sides() -> dict[str, Work]:
    """Every side, imported before the clock starts."""
    from bench.at_scale import compiled, duckdb_by_hand, pandas_by_hand  # noqa: PLC0415 -- pandas is heavy

    def duckdb(directory: Path, at: int, spill: Path, _memory: str) -> object:
        connection = duckdb_by_hand.connect(spill, BY_HAND)
        duckdb_by_hand.evaluate(connection, directory, at)
        return connection

    return {
        "duckdb": duckdb,
        "pandas": lambda directory, at, _spill, _memory: pandas_by_hand.evaluate(directory, at),
        "compiled": compiled.evaluate,
        "edited": compiled.edited,
    }


if __name__ == "__main__":
    sys.exit(main())
