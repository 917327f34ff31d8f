"""The same rules in Spark: `make bench NAME=spark`, with Java 17 and after `.venv/bin/pip install pyspark`.

Every shipped attribute of all people of the public data, and the example rule of each, compiled to Spark SQL and run by
a local Spark of two threads over Parquet of the mirror's tables: 0 differences from DuckDB. The engine works with
DuckDB alone; this shows that what it means can be asked of a lake.
"""

import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.databases import imported, olist_directory
from bench.figures import Figure, show
from bench.own_servers import again_with_servers, has_servers
from engine.servers.leave import leave

MOST_DIFFERENCES = 0


def main() -> int:
    """Measures and prints; 1 if there is a difference, 3 if Spark or the data is missing."""
    if find_spec("pyspark") is None:
        print("PySpark is not installed: .venv/bin/pip install pyspark", file=sys.stderr)
        return 3
    olist = olist_directory()
    if olist is None:
        return 3
    if not has_servers():
        return again_with_servers("spark")
    with tempfile.TemporaryDirectory(prefix="regulars-spark-") as directory:
        return show("spark", _figures(imported(olist, Path(directory) / "import"), Path(directory)))


def _figures(database: str, directory: Path) -> list[Figure]:
    from bench.lake.compared import compare  # noqa: PLC0415 -- needs PySpark
    from bench.lake.tables import write_tables  # noqa: PLC0415 -- likewise

    tables = write_tables(database, directory)
    began = time.perf_counter()
    compared = compare(tables, directory)
    for line in compared.told:
        print(line)
    people, names = compared.people, compared.attributes
    return [
        Figure("people", people),
        Figure("attributes", names),
        Figure("values and verdicts compared", 2 * people * names),
        Figure("differences", compared.differences, at_most=MOST_DIFFERENCES),
        Figure("seconds in DuckDB", round(compared.seconds_duckdb, 1)),
        Figure("seconds in Spark, local, two threads", round(compared.seconds_spark, 1)),
        Figure("seconds in all", round(time.perf_counter() - began, 1)),
    ]


if __name__ == "__main__":
    leave(main())
