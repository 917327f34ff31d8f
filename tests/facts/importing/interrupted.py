"""An import as a process of its own, which stops dead at a given moment so that a test can kill it there.

Usage: python interrupted.py URL STATE SOURCE MAPPING MOMENT. Where `MOMENT` is what the progress says, or `hook`, the
process writes `here` and waits for its end.
"""

import sys
import threading
from pathlib import Path

from engine.facts.importing import reading_stage
from engine.facts.importing.run import run


def main() -> None:
    """Imports until the moment has come."""
    url, state, source, mapping, moment = sys.argv[1:]
    # So small that a file is several chunks: being killed between two of them is the point.
    reading_stage.CHUNK = 2

    def stop_at(what: str, _done: int, _total: int) -> None:
        if what == moment:
            print("here", flush=True)
            threading.Event().wait()

    run(
        url,
        Path(state),
        Path(source),
        Path(mapping),
        progress=stop_at,
        after_merge=lambda _connection: stop_at("hook", 0, 0),
    )
    print("done", flush=True)


main()
