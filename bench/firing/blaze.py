"""One run: journeys, a provider, workers and a storm, until all journeys are over or the time is up."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg

from bench.firing.checker import Havoc, Told, Verdict, judge
from bench.firing.crew import ROOT, Crew
from bench.firing.rules import Kind, files
from bench.firing.servers import Ground, Outage, OwnServers
from bench.firing.shop import Custom, Shop
from bench.firing.storm import Storm, Strength, strokes
from engine.language.rules import compile_rules

T = TypeVar("T")

_TICK = 0.1
_ASK_EVERY = 0.5
_TELL_EVERY = 10.0
_CLOSING_SECONDS = 60.0
_PROGRESS = """
select (select count(*) from journeys where state <> 'running'), (select count(*) from messages),
       (select count(*) from outbox where done_at is null)
"""


@dataclass(frozen=True)
class Size:
    """How much burns: orders, how many are under way at once, workers, the storm, and for how long at most.

    `timeout` is for how many seconds a worker waits for the provider: longer than slow answers, shorter than hung ones.
    `paying` of all orders are paid, each within `pays_within` seconds of its first message.
    """

    orders: int
    at_once: int
    workers: int
    strength: Strength
    seconds: float
    timeout: float = 7.0
    paying: float = 0.2
    pays_within: float = 15.0


@dataclass(frozen=True)
class Ashes:
    """What is left of a run. `open_workflows` are those that Temporal still runs, None if it could not be asked."""

    verdict: Verdict
    crew: Crew
    outages: tuple[Outage, ...]
    seconds: float
    in_time: bool
    open_workflows: int | None


@dataclass
class Blaze:
    """One run in a directory of its own."""

    directory: Path
    servers: OwnServers
    ground: Ground
    kind: Kind
    seed: int
    size: Size
    defects: str = ""

    @property
    def ledger(self) -> Path:
        """The provider's own file."""
        return self.directory / "ledger.sqlite"

    def burn(self) -> Ashes:
        """Runs it; whatever it started is stopped in the end."""
        started = time.monotonic()
        rules = compile_rules(files(self.kind))
        if not rules.sound:
            raise ValueError("; ".join(map(str, rules.issues)))
        self._write_project()
        shop = Shop(self.ground.url, rules, self._custom(), self.seed)
        with _provider(self.ledger, self.seed) as ports:
            crew = Crew(self.directory, self.size.workers, lambda name: self._environment(ports, name), self.defects)
            chance = random.Random(self.seed)
            storm = Storm(self.servers, crew, chance, strokes(self.seed, self.size.strength), self._say)
            try:
                crew.tend()
                shop.open()
                in_time = self._rage(shop, crew, storm, started + self.size.seconds)
                left = self._until_closed() if in_time else None
            finally:
                shop.close()
                crew.stop()
        return Ashes(
            self._judged(shop, crew), crew, tuple(self.servers.outages), time.monotonic() - started, in_time, left
        )

    def _rage(self, shop: Shop, crew: Crew, storm: Storm, deadline: float) -> bool:
        """Until all is over; False if the time is up before."""
        told = asked = 0.0
        over = messages = rows = 0
        while time.monotonic() < deadline:
            crew.tend()
            if time.monotonic() - asked > _ASK_EVERY:
                asked = time.monotonic()
                over, messages, rows = self._insist(self._progress)
            if shop.error is not None:
                raise shop.error
            if shop.done and storm.over and over == self.size.orders and not rows:
                return True
            storm.strike(over / self.size.orders)
            if time.monotonic() - told > _TELL_EVERY:
                told = time.monotonic()
                if self.servers.tend():
                    self._say("temporal could not read its database any more and was started again")
                self._say(
                    f"{over} of {self.size.orders} journeys over, {messages} messages, outbox {rows},"
                    f" {len(crew.killed)} workers killed"
                )
            time.sleep(_TICK)
        self._say("the time is up")
        return False

    def _progress(self) -> tuple[int, int, int]:
        with psycopg.connect(self.ground.url) as connection:
            row = connection.execute(_PROGRESS).fetchone()
        return (int(row[0]), int(row[1]), int(row[2])) if row else (0, 0, 0)

    def _insist(self, ask: Callable[[], T], seconds: float = 120.0) -> T:
        """Asks again while the database is away: another run on the same servers may have struck it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return ask()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _until_closed(self) -> int | None:
        deadline = time.monotonic() + _CLOSING_SECONDS
        while (left := self.ground.open_workflows()) != 0 and time.monotonic() < deadline:
            time.sleep(1.0)
        return left

    def _judged(self, shop: Shop, crew: Crew) -> Verdict:
        killed = {each.name: each.ended for each in crew.killed if each.ended is not None}
        away = [(outage.began, outage.ended) for outage in self.servers.outages]
        told, havoc = Told(dict(shop.placed), dict(shop.paid)), Havoc(killed, away)
        return self._insist(lambda: judge(self.ground.url, self.ledger, told, havoc, keyed=self.kind == "http"))

    def _environment(self, ports: Mapping[str, int], worker: str) -> dict[str, str]:
        """A mail server is greeted with the worker's name, so that the ledger knows who spoke."""
        smtp = f"smtp://127.0.0.1:{ports['smtp']}?starttls=never&timeout={self.size.timeout}&helo={worker}"
        return {
            "REGULARS_DATABASE_URL": self.ground.url,
            "TEMPORAL_ADDRESS": self.ground.address,
            "TEMPORAL_NAMESPACE": self.ground.namespace,
            "REGULARS_SMTP_URL": smtp,
            "REGULARS_HTTP_PUSH_URL": f"http://127.0.0.1:{ports['http']}/messages",
            "REGULARS_HTTP_PUSH_TIMEOUT": str(self.size.timeout),
            "REGULARS_ALLOWED_ADDRESSES": f"127.0.0.1:{ports['http']}",
        }

    def _custom(self) -> Custom:
        return Custom(self.size.orders, self.size.at_once, self.size.paying, self.size.pays_within)

    def _write_project(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "regulars.toml").write_text('[project]\nrules = "rules"\n')
        for path, text in files(self.kind).items():
            file = self.directory / "rules" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def _say(self, what: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {self.kind} seed {self.seed}: {what}", file=sys.stderr, flush=True)


@contextmanager
def _provider(ledger: Path, seed: int) -> Iterator[dict[str, int]]:
    """The provider's process; gives its ports."""
    command = [sys.executable, "-m", "bench.firing.provider", str(ledger), str(seed)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        if process.stdout is None:
            raise ValueError("it has no output")
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)
