"""The loader of rules against inputs that nobody would write on purpose: `make bench NAME=fuzz`.

Every input must give rules and issues at places that exist, in bounded time and memory, and never raise. An input that
escapes is told by its kind and number, by which `bench.fuzzing.inputs.made` gives it again. `ARGS=--share=0.1` tries a
tenth of each kind.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.figures import Figure, show
from bench.fuzzing.inputs import KINDS, made
from tests.language.fuzzing import check

PROCESSES = 2
BATCH = 50
AT_LEAST = 20_000
SECONDS_AT_MOST = 10
MEGABYTES_AT_MOST = 500


@dataclass
class Tried:
    """What became of a batch. `slowest` in seconds of the processor, with the input's name; `peak` in megabytes."""

    kind: str
    count: int = 0
    sound: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    peak: float = 0.0
    escapes: list[str] = field(default_factory=list)


def main() -> int:
    """Tries all inputs; 1 if one escapes or a bound does not hold."""
    share = _share()
    batches = list(_batches(share))
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        tried = []
        for done in pool.map(_try, *zip(*batches, strict=True)):
            tried.append(done)
            _progress(sum(each.count for each in tried), sum(len(numbers) for _, numbers in batches))
    for escape in (escape for each in tried for escape in each.escapes):
        sys.stderr.write(f"{escape}\n")
    return show("fuzz", _figures(tried, share))


def _share() -> float:
    parser = argparse.ArgumentParser(prog="bench/fuzz.py", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="the part of the inputs to try")
    return float(parser.parse_args().share)


def _batches(share: float) -> Iterator[tuple[str, range]]:
    for kind, (_, count) in KINDS.items():
        wanted = max(1, round(count * share))
        for start in range(0, wanted, BATCH):
            yield kind, range(start, min(start + BATCH, wanted))


def _try(kind: str, numbers: range) -> Tried:
    tried = Tried(kind)
    for number in numbers:
        name = f"{kind}, number {number}"
        files = made(kind, number)
        started = time.process_time()
        try:
            rules = check(files)
        except BaseException as error:  # noqa: BLE001 - whatever escapes is what is looked for
            tried.escapes.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
        else:
            tried.sound += rules.sound
            tried.codes.update(issue.code for issue in rules.issues)
        tried.count += 1
        tried.slowest = max(tried.slowest, (time.process_time() - started, name))
    tried.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return tried


def _figures(tried: list[Tried], share: float) -> list[Figure]:
    kinds = [Figure(f"inputs: {kind}", sum(each.count for each in tried if each.kind == kind)) for kind in KINDS]
    codes: Counter[str] = sum((each.codes for each in tried), Counter())
    slowest, name = max(each.slowest for each in tried)
    return [
        *kinds,
        Figure("inputs in all", sum(each.count for each in tried), at_least=round(AT_LEAST * share)),
        Figure("of them sound after all", sum(each.sound for each in tried)),
        Figure("issues told", sum(codes.values())),
        Figure("codes among them", len(codes)),
        Figure("escapes", sum(len(each.escapes) for each in tried), at_most=0),
        Figure(f"slowest input, seconds of processor ({name})", round(slowest, 2), at_most=SECONDS_AT_MOST),
        Figure("peak memory of a process, MB", round(max(each.peak for each in tried)), at_most=MEGABYTES_AT_MOST),
    ]


def _progress(done: int, of: int) -> None:
    sys.stderr.write(f"\r{done:,} of {of:,} inputs" + ("\n" if done == of else ""))
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
