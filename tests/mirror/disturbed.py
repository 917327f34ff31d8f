"""A process that opens a mirror and dies on the way, or whose files may not grow: for tests of faults.

`python -m tests.mirror.disturbed URL DIRECTORY die STEP COUNT` dies by SIGKILL at the COUNT-th time that the step is
reached: a step that is told, or `file`, a file of rows that was just written. `... full BYTES` may write no file longer
than that. `... open` does nothing else. What was said is written out; an error's code too, with exit code 3.
"""

import os
import resource
import signal
import sys
from collections import Counter
from pathlib import Path
from unittest import mock

from engine.mirror import reading
from engine.mirror.errors import MirrorError
from tests.mirror.same import open_small


class _Dying:
    def __init__(self, step: str, count: int) -> None:
        self.step, self.count, self.reached = step, count, Counter[str]()

    def __call__(self, step: str, *_: object) -> None:
        self.reached[step] += 1
        if step == self.step and self.reached[step] == self.count:
            os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, directory: str, how: str, *more: str) -> int:
    """Opens the mirror, disturbed as the arguments say."""
    dying = _Dying(more[0], int(more[1])) if how == "die" else _Dying("", 0)
    if how == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(more[0]), int(more[0])))
    described = reading.describe_file

    def describe(*arguments: Path) -> object:
        dying("file")
        return described(*arguments)

    with mock.patch.object(reading, "describe_file", describe):
        try:
            with open_small(url, Path(directory), say=print, tell=dying) as mirror:
                print("opened", mirror.manifest.generation)
        except MirrorError as error:
            print(error.code)
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
