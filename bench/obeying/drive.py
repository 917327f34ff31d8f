"""Drives journeys through the interpreter and reserve as fast as the database allows, on several connections.

Time is the shop's: each connection goes from due to due, and all meet at the end of each phase, when operators pause,
kill and resume. What they did is noted in `told`, for the judge.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

from bench.obeying.rules import PHASES, make_rules
from bench.obeying.shop import BEGIN, Started
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.pool import connect
from engine.journeys.commands import Deliver, Finish, Hold
from engine.journeys.inputs import Answered, Began, Due
from engine.journeys.interpreter import advance, begin
from engine.journeys.plan import Plan
from engine.journeys.state import State
from engine.journeys.wire import DeliverRequest
from engine.language.rules import Rules
from engine.messages import record
from engine.messages.decision import Terms
from engine.messages.reserve import NotBefore, Proceed, Settled, reserve

Connection = psycopg.Connection[Any]
PHASE = timedelta(days=3)
_RETRY = timedelta(minutes=3)


@dataclass(frozen=True)
class Told:
    """What operators had said of a playbook (`*`: all) or a journey during one phase."""

    phase: int
    what: str
    state: str


@dataclass
class Run:
    """One journey under way."""

    plan: Plan
    journey: int
    state: State | None = None


@dataclass(order=True)
class Turn:
    """When a journey goes on: the answer to a send that was not taken, or a wait."""

    at: datetime
    journey: int
    run: Run = field(compare=False)
    wait: str | None = field(compare=False, default=None)
    again: Deliver | None = field(compare=False, default=None)


@dataclass
class Driver:
    """All of it."""

    url: str
    rules: Rules
    customers: int
    seed: int
    connections: int = 4
    told: list[Told] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def run(self, started: list[Started]) -> None:
        """Runs all journeys through all phases."""
        paused_news = make_rules(self.customers, news="paused")
        matcher = EventMatcher(load_contracts(), "EUR")
        shares: list[list[Turn]] = [[] for _ in range(self.connections)]
        for each in started:
            run = Run(self.rules.plans[each.playbook], each.journey)
            heapq.heappush(shares[each.journey % self.connections], Turn(each.at, each.journey, run))
        with ThreadPoolExecutor(self.connections) as threads:
            for phase in range(PHASES):
                rules = paused_news if phase == _STATUS_PHASE else self.rules
                self._operators(phase, [each.journey for each in started])
                until = BEGIN + (phase + 1) * PHASE
                work = [
                    threads.submit(
                        _Share(self.url, rules, matcher, share, self.seed * 1000 + phase * 10 + number).work, until
                    )
                    for number, share in enumerate(shares)
                ]
                for done in work:
                    self.counts += done.result()

    def _operators(self, phase: int, journeys: list[int]) -> None:
        dice = random.Random(self.seed + phase)
        controls = _CONTROLS.get(phase, {})
        with connect(self.url) as connection:
            connection.execute("delete from playbook_controls")
            for what, state in controls.items():
                connection.execute(
                    "insert into playbook_controls values (%s, %s, 'bench', 'a test', %s)",
                    (what, state, BEGIN + phase * PHASE),
                )
            connection.execute("update journeys set paused_at = null where paused_at is not null")
            chosen = dice.sample(journeys, len(journeys) // 10) if phase in _JOURNEY_PHASES else []
            connection.execute("update journeys set paused_at = %s where id = any(%s)", (BEGIN + phase * PHASE, chosen))
        self.told += [Told(phase, what, state) for what, state in controls.items()]
        self.told += [Told(phase, str(journey), "paused") for journey in chosen]
        if phase == _STATUS_PHASE:
            self.told.append(Told(phase, "news", "paused"))


_STATUS_PHASE = 5
_JOURNEY_PHASES = (2, 7, 10)
_CONTROLS = {4: {"reminder": "paused"}, 8: {"*": "paused"}, 6: {"*": "killed"}, 15: {"news": "killed"}}


class _Share:
    """The journeys of one connection."""

    def __init__(self, url: str, rules: Rules, matcher: EventMatcher, queue: list[Turn], seed: int) -> None:
        self.url, self.rules, self.matcher, self.queue = url, rules, matcher, queue
        self.dice = random.Random(seed)
        self.counts: Counter[str] = Counter()

    def work(self, until: datetime) -> Counter[str]:
        with connect(self.url) as connection:
            connection.execute("set synchronous_commit to off")
            connection.commit()
            while self.queue and self.queue[0].at < until:
                self._go_on(connection, heapq.heappop(self.queue))
        return self.counts

    def _go_on(self, connection: Connection, due: Turn) -> None:
        run = due.run
        if due.again is not None:
            return self._deliver(connection, run, due.again, due.at)
        if run.state is None:
            run.state, commands = begin(run.plan, Began(due.at))
        else:
            assert due.wait is not None
            run.state, commands = advance(run.plan, run.state, Due(due.at, due.wait))
        return self._carry_out(connection, run, commands)

    def _carry_out(self, connection: Connection, run: Run, commands: tuple[Any, ...]) -> None:
        for command in commands:
            match command:
                case Hold(wait=wait, due=at):
                    heapq.heappush(self.queue, Turn(at, run.journey, run, wait))
                case Deliver():
                    self._deliver(connection, run, command, command.at)
                case Finish(at=at, how=how, outcome=outcome):
                    with connection.transaction():
                        record.end_journey(connection, run.journey, how, outcome, at)
                        record.skip_waiting_messages(connection, run.journey, how, at)

    def _deliver(self, connection: Connection, run: Run, command: Deliver, moment: datetime) -> None:
        request = DeliverRequest(
            run.journey, command.step, command.iteration, moment, command.due, list(command.channels), "hello", "held"
        )
        terms = Terms(run.plan, self.rules, (), self.matcher)
        with connection.transaction():
            answer = reserve(connection, request, terms, moment)
        self.counts["asked"] += 1
        match answer:
            case NotBefore(until=until, reason=reason):
                said = Answered(moment, command.step, "deferred", reason, until)
            case Settled(state=state, reason=reason, stopped=stopped):
                said = Answered(moment, command.step, state, reason, stopped=stopped)  # type: ignore[arg-type]  # as wire
            case Proceed():
                outcome = self._hand_over(connection, answer)
                if outcome is None:
                    heapq.heappush(self.queue, Turn(moment + _RETRY, run.journey, run, again=command))
                    return
                said = Answered(moment, command.step, outcome, None if outcome == "sent" else "no_answer")  # type: ignore[arg-type]  # as wire
        assert run.state is not None
        run.state, commands = advance(run.plan, run.state, said)
        self._carry_out(connection, run, commands)

    def _hand_over(self, connection: Connection, proceed: Proceed) -> str | None:
        """What the provider makes of it: none where it must be asked again."""
        fate = self.dice.random()
        with connection.transaction():
            if fate > 0.98 or not record.mark_in_flight(connection, proceed.message, proceed.attempt):
                return None  # killed before the mark, or overtaken
            if fate > 0.97:
                return None  # killed after it
            if fate > 0.92:
                record.record_not_taken(connection, proceed.message, proceed.attempt)
                return None
            settle: tuple[str, Callable[[], None]] = (
                "sent",
                lambda: record.record_sent(connection, proceed.message, "id"),
            )
            if fate > 0.91:
                settle = "failed", lambda: record.record_failed(connection, proceed.message, "message_refused")
            elif fate > 0.90:
                settle = "in_doubt", lambda: record.record_doubt(connection, proceed.message, "no_answer")
            settle[1]()
        return settle[0]
