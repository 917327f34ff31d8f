"""The end of a process that used a Temporal client."""

import os
import sys
from typing import NoReturn

from engine.servers import held


def leave(code: int) -> NoReturn:
    """Ends this process with exactly this exit code.

    A process that used a Temporal client may die by a signal in the interpreter's shutdown although its work is done
    (seen with temporalio 1.30 to 1.35). So what is buffered is flushed, held servers are released, and the shutdown is
    left out; `atexit` functions do not run.
    """
    held.release_all()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a closed pipe must not change the code
            continue
    os._exit(code)
