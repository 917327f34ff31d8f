"""The bench `fire` in short: a storm over both kinds of provider, and what its checker says of engines with defects.

All run at once, each with a database and a namespace of its own, on one PostgreSQL and one Temporal server that are
restarted under them.
"""

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.firing import checker
from bench.firing.answers import FAULTS, answer
from bench.firing.blaze import Blaze, Size
from bench.firing.checker import AFTER_STOP, KEYS, LOST, TWICE
from bench.firing.servers import own_servers
from bench.firing.storm import Strength, strokes

pytestmark = pytest.mark.timeout(240)  # many processes, each as slow to start as the machine is busy

SECONDS = 180.0
STORM = Size(12, 12, 2, Strength(kills=2, restarts=1), SECONDS, timeout=1.5, pays_within=8.0)
GUST = Size(8, 8, 1, Strength(kills=2, restarts=0), SECONDS, timeout=1.5, pays_within=8.0)
CALM = Size(5, 5, 1, Strength(kills=0, restarts=0), SECONDS, timeout=1.5)
PAID = Size(5, 5, 1, Strength(kills=0, restarts=0), SECONDS, timeout=1.5, paying=1.0, pays_within=1.0)
RUNS = {
    "http": ("http", "", STORM),
    "smtp": ("smtp", "", GUST),
    "keys_and_stops": ("http", "attempt-in-key+stops-unheeded", PAID),
    "early_record": ("http", "record-before-provider", CALM),
    "resent_doubts": ("smtp", "doubts-sent-again", CALM),
}


def patient_seed(buyers):
    """The first seed by which no buyer's messages meet more than three faults in a row: retries pause ever longer."""

    def patient(seed):
        faults = (
            "".join(".x"[answer(seed, f"buyer-{one}@fire.test", contact).kind in FAULTS] for contact in range(1, 17))
            for one in range(1, buyers + 1)
        )
        return not any("xxxx" in each for each in faults)

    return next(filter(patient, range(1, 100_000)))


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """What each run has left."""
    with own_servers("regulars-test-") as servers, ThreadPoolExecutor(len(RUNS)) as threads:
        seeds = {"http": patient_seed(STORM.orders)}
        grounds = servers.more_ground(list(RUNS))
        blazes = [
            Blaze(tmp_path_factory.mktemp(name), servers, ground, kind, seeds.get(name, 1), size, defects)
            for (name, (kind, defects, size)), ground in zip(RUNS.items(), grounds, strict=True)
        ]
        yield dict(zip(RUNS, threads.map(Blaze.burn, blazes), strict=True))


@pytest.mark.parametrize("kind", ["http", "smtp"])
def test_under_fire_each_message_is_sent_once_or_skipped_or_listed_in_doubt(left, kind):
    ashes = left[kind]
    assert ashes.verdict.violations == ()
    assert ashes.in_time
    assert ashes.open_workflows == 0
    assert ashes.crew.deserters == []
    assert len(ashes.crew.killed) == RUNS[kind][2].strength.kills
    assert {outage.server for outage in ashes.outages} == {"postgres", "temporal"}
    assert ashes.verdict.states["sent"] > 0


def test_a_plain_provider_leaves_doubts_and_one_with_keys_none(left):
    assert left["smtp"].verdict.states["in_doubt"] > 0
    assert left["http"].verdict.states["in_doubt"] == 0
    assert left["http"].verdict.repeats > 0


@pytest.mark.parametrize(
    ("run", "promises"),
    [
        ("keys_and_stops", {KEYS, TWICE, AFTER_STOP}),
        ("early_record", {LOST}),
        ("resent_doubts", {TWICE}),
    ],
)
def test_the_checker_finds_what_defects_do(left, run, promises):
    verdict = left[run].verdict
    assert promises <= {violation.promise for violation in verdict.violations}, verdict


def test_the_checker_asks_nothing_of_the_product():
    imported = set()
    for node in ast.walk(ast.parse(Path(checker.__file__).read_text())):
        if isinstance(node, ast.Import):
            imported |= {each.name.split(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert not imported & {"engine", "activities", "workflows", "bench"}


def test_the_provider_answers_badly_in_a_tenth_of_all_contacts_each():
    kinds = [answer(1, f"buyer-{number}", contact).kind for number in range(1000) for contact in (1, 2, 3)]
    for kind in FAULTS:
        assert 0.08 < kinds.count(kind) / len(kinds) < 0.12, kind


def test_a_seed_always_gives_the_same_storm():
    assert strokes(7, Strength(30, 3)) == strokes(7, Strength(30, 3)) != strokes(8, Strength(30, 3))
