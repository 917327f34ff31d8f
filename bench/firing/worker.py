"""`regulars worker` that dies when told: python -m bench.firing.worker REPORT DEFECTS --project DIR.

Each line of its standard input names the point at which it shall kill itself; the point is written to the file REPORT
right before. When its standard input is closed it stops, so it never outlives the bench. DEFECTS are those to be sown,
such as `attempt-in-key+stops-unheeded`, or empty.
"""

import os
import signal
import sys
import threading

from bench.firing.defects import DEFECTS
from bench.firing.points import Trap
from engine.cli.main import main


def obey(trap: Trap) -> None:
    """Takes orders until there are no more."""
    for line in sys.stdin:
        trap.point = line.strip()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    report, defects = sys.argv[1:3]
    for defect in filter(None, defects.split("+")):
        DEFECTS[defect]()
    trap = Trap(os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    trap.lay()
    threading.Thread(target=obey, args=(trap,), daemon=True).start()
    sys.argv = ["regulars", "worker", *sys.argv[3:]]
    main()
