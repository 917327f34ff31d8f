"""The query and the fold of all people of the public data: `make bench NAME=equal`.

Every shipped attribute of everybody as of three instants, by one statement each and by the fold one by one: 0
differences.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.databases import imported, olist_directory
from bench.figures import ROOT, Figure, show
from bench.own_servers import again_with_servers, has_servers
from engine.language.rules import load_rules
from engine.servers.leave import leave
from tests.olist.equality import INSTANTS, compare

SHOWN = 20


def main() -> int:
    """Measures and prints; 1 if there is a difference, 3 if the data is missing."""
    olist = olist_directory()
    if olist is None:
        return 3
    if not has_servers():
        return again_with_servers("equal")
    with tempfile.TemporaryDirectory() as directory:
        database = imported(olist, Path(directory) / "import")
        began = time.perf_counter()
        compared = compare(database, load_rules(ROOT / "rules"), Path(directory))
        took = time.perf_counter() - began
    for line in compared.differences[:SHOWN]:
        print(line)
    values = compared.people * compared.attributes * len(INSTANTS)
    return show(
        "equal",
        [
            Figure("people", compared.people),
            Figure("attributes", compared.attributes),
            Figure(f"values as of {', '.join(INSTANTS)}", values),
            Figure("values in which query and fold differ", len(compared.differences), at_most=0),
            Figure("query, seconds for the three", round(compared.query, 1)),
            Figure("fold, seconds for the three", round(compared.fold, 1)),
            Figure("with reading, loading and comparing, seconds", round(took, 1)),
        ],
    )


if __name__ == "__main__":
    leave(main())
