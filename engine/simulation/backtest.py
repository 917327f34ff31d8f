"""The shop's own past through its playbooks on the virtual clock, customer by customer, on all processors.

History is replayed as it was: what people would have done otherwise is not known. Where capacities and channel limits
couple customers, everybody lives through it together in one process.
"""

import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property
from multiprocessing import get_context
from typing import Any

import psycopg

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.evaluation.processes import end_with_maker, in_chunks
from engine.facts.history import eventful, told_events
from engine.facts.pool import connect
from engine.facts.read import read_customers
from engine.facts.standing import read_hand_tags
from engine.journeys.campaign import Campaign
from engine.journeys.plan import EventTrigger, StartPlaybook
from engine.language.responses import Responses
from engine.language.rules import Rules
from engine.replay.standing import known_before
from engine.simulation.changed import Changes, compare
from engine.simulation.compiled import Compiled
from engine.simulation.cut_offs import Asked, publications, published
from engine.simulation.history import Told
from engine.simulation.journey import Assumed
from engine.simulation.kept import Kept
from engine.simulation.responses import Drawn, in_words
from engine.simulation.result import Result, count
from engine.simulation.room import Room
from engine.simulation.together import live_together
from engine.simulation.world import Person, World
from engine.standing.cut_offs import Published
from engine.standing.judge import Judge

Connection = psycopg.Connection[Any]
Progress = Callable[[int, int], None]

CHUNK = 200
_WHOLE = {name: frozenset(of.columns[2:]) for name, of in RELATIONS.items()}
_ON_SITE = "select customer_id, key, kind, data from site_events where customer_id = any(%s) and data <> '{}'"
_CUSTOMERS = "select id from customers order by id"


@dataclass(frozen=True)
class Window:
    """What is simulated: whose rules, which of their playbooks and campaigns, from one instant to another."""

    url: str
    rules: Rules
    playbooks: tuple[str, ...]
    start: datetime
    to: datetime
    currency: str | None
    cut_offs: Published = ()
    schema: str = "public"
    campaigns: tuple[Campaign, ...] = ()
    responses: Responses | None = None

    @cached_property
    def turns(self) -> bool:
        """Whether something that is told can turn by time alone, also for whom nothing happens to."""
        compiled, campaigns = self.compiled(), bool(self.campaigns)
        rules = None if compiled.judge is None else compiled.judge.rules
        flows = rules is not None and any((rules.lifecycle, rules.tiers, rules.rfm))
        return flows or campaigns or bool(compiled.triggers or compiled.started_by_changes)

    def compiled(self) -> Compiled:
        """The rules for it, compiled."""
        parts = self.responses.parts if self.responses else ()
        return Compiled(self.rules, self.playbooks, self.currency, self.campaigns, parts)

    @property
    def couples(self) -> bool:
        """Whether what one customer gets depends on what others get."""
        campaigns = {each.name for each in self.campaigns}
        return self.rules.policy.couples({*self.playbooks, *started(self.rules, self.playbooks), *campaigns})

    @property
    def question(self) -> tuple[object, ...]:
        """What a result depends on beside the facts, from which the cut-offs follow."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        own["campaigns"] = tuple((each.name, each.waves[0].at) for each in self.campaigns)
        return (
            self.rules.version,
            *(item for item in own.items() if item[0] not in ("url", "rules", "cut_offs")),
            CHUNK,
        )


def assumptions(window: Window, *, alone: bool = False) -> tuple[str, ...]:
    """What is assumed, as sentences without a capital letter and a full stop; `alone`: of one customer by herself."""
    return (
        "history is replayed as it was: what people would have done otherwise is not known",
        "she is simulated alone: capacities and channel limits have room"
        if alone
        else "everybody shares the policy's capacities and channel limits, as in the running engine"
        if window.couples
        else "each customer is simulated alone: no capacity and no channel limit concerns these messages",
        "steps that call something are answered as done, without fields; pools of coupons never run dry",
        "tiers and RFM groups are judged by cut-offs of everybody as of the window's beginning and each publication",
        "messages that were really sent in the window are left out; those before it are known",
        "drafts and paused playbooks and campaigns that are named run as if they were live",
        *in_words(window.responses),
    )


def backtest(
    window: Window,
    progress: Progress = lambda _done, _total: None,
    processes: int | None = None,
    against: Window | None = None,
    kept: Kept | None = None,
) -> Result:
    """Simulates everybody.

    Args:
        window: what is simulated.
        progress: told how many customers are done, of how many.
        processes: how many work at once; default: one for each processor.
        against: the same window under another version of the rules: what differs is counted too.
        kept: where parts are kept that need not be done again after an interruption.
    """
    windows = [each for each in (window, against) if each is not None]
    with connect(window.url, window.schema) as connection:
        everybody = [row[0] for row in connection.execute(_CUSTOMERS)]
        ids = everybody if any(each.turns for each in windows) else eventful(connection, window.start, window.to)
    size = max(len(ids), 1) if any(each.couples for each in windows) else CHUNK
    chunks = in_chunks(ids, size)
    result = Result(customers=len(everybody) - len(ids))
    if against is not None:
        result.before, result.changes = Result(customers=result.customers), Changes()
    for part, chunk in zip(_parts(window, against, kept, chunks, processes), chunks, strict=True):
        result.add(part)
        result.gone += len(chunk) - part.customers
        progress(result.customers + result.gone, len(everybody))
    return result


def _parts(
    window: Window, against: Window | None, kept: Kept | None, chunks: Sequence[Sequence[int]], processes: int | None
) -> Iterator[Result]:
    """What came of each chunk, in order: as it was kept, or worked out by a pool of processes."""
    known = {number: part for number in range(len(chunks)) if kept and (part := kept.read(number))}
    open_ = [number for number in range(len(chunks)) if number not in known]
    if not open_:
        yield from known.values()
        return
    workers = min(processes or os.cpu_count() or 1, len(open_))
    with ProcessPoolExecutor(workers, get_context("spawn"), _open, (window, against, kept)) as pool:
        try:
            found = pool.map(_simulated, open_, [chunks[number] for number in open_])
            for number in range(len(chunks)):
                yield known[number] if number in known else next(found)
        except BaseException:
            # Nobody waits for what has not begun; what is under way is still kept.
            pool.shutdown(cancel_futures=True)
            raise


class _Process:
    """One process's rules, of each side that is simulated, and its connection."""

    sides: tuple[tuple[Window, Compiled], ...]
    judge: Judge | None
    kept: Kept | None
    connection: Connection


def _open(window: Window, against: Window | None, kept: Kept | None) -> None:
    end_with_maker()
    windows = (window,) if against is None else (window, against)
    _Process.sides = tuple((each, each.compiled()) for each in windows)
    _Process.judge = None if against is None else groups_judge(*_Process.sides[0])
    _Process.kept = kept
    _Process.connection = connect(window.url, window.schema)
    # Worlds are rings of objects, which are many and die together: they are collected once a part and not on the way.
    gc.disable()
    gc.freeze()


def _simulated(number: int, ids: Sequence[int]) -> Result:
    part = _part(ids)
    gc.collect()
    if _Process.kept is not None:
        _Process.kept.write(number, part)
    return part


def _part(ids: Sequence[int]) -> Result:
    if len(_Process.sides) == 1:
        ((window, compiled),) = _Process.sides
        return simulate(_Process.connection, compiled, window, ids)
    after, before = _Process.sides
    return simulate_both(_Process.connection, after, before, _Process.judge, ids)


def simulate(connection: Connection, compiled: Compiled, window: Window, ids: Sequence[int]) -> Result:
    """What comes of some customers."""
    result = Result()
    for world in worlds(connection, compiled, window, ids):
        count(result, world, window.to)
        world.forget()
    return result


def simulate_both(
    connection: Connection,
    after: tuple[Window, Compiled],
    before: tuple[Window, Compiled],
    judge: Judge | None,
    ids: Sequence[int],
) -> Result:
    """What comes of some customers under two versions of the rules, customer by customer, and what differs."""
    result = Result(before=Result(), changes=Changes())
    assert result.before is not None  # made above
    assert result.changes is not None
    to = after[0].to
    new, old = (worlds(connection, compiled, window, ids) for window, compiled in (after, before))
    for world, other in zip(new, old, strict=True):
        count(result, world, to)
        count(result.before, other, to)
        compare(result.changes, other, world, judge, to)
        world.forget()
        other.forget()
    return result


def groups_judge(window: Window, compiled: Compiled) -> Judge | None:
    """Who tells all segments, the stage and the tier of a customer, whether or not a playbook uses them."""
    rules = window.rules
    own = rules.standing
    if not (own.segments or own.lifecycle or own.tiers):
        return None
    return Judge(own, rules.catalogue, compiled.evaluator.catalogue, rules.policy.zone, rules.words)


def with_cut_offs(connection: Connection, window: Window, progress: Progress = lambda _done, _total: None) -> Window:
    """With cut-offs as of its beginning, and as often as the policy publishes them, where tiers or RFM are used."""
    judge = window.compiled().judge
    if judge is None or (judge.rules.tiers is None and judge.rules.rfm is None):
        return window
    instants = list(publications(window.rules.policy, window.start, window.to))
    ids = [row[0] for row in connection.execute(_CUSTOMERS)]
    asked = Asked(window.url, window.rules, window.currency, window.schema)
    return replace(window, cut_offs=published(asked, instants, ids, progress))


def at_the_beginning(
    connection: Connection, compiled: Compiled, window: Window, ids: Sequence[int], room: Room | None = None
) -> Iterator[World]:
    """Some customers' worlds before anything of the window has happened; without `room` each of them has all of it."""
    with connection.transaction():
        found = read_customers(connection, ids, relations=_WHOLE, zone=window.rules.policy.zone)
        told, tags = told_events(connection, ids, compiled.told), read_hand_tags(connection, ids)
        known = frozenset(known_before(connection, window.start, ids))
        on_site = _on_site(connection, compiled, ids)
    for facts in found:
        person = Person(
            _before(facts, microseconds(window.start)),
            hand_tags=tags.get(facts.customer_id, ()),
            published=window.cut_offs,
            told=tuple(_told(compiled, row) for row in told.get(facts.customer_id, ())),
            known=facts.customer_id in known,
            on_site=on_site.get(facts.customer_id, {}),
        )
        drawn = None if window.responses is None else Drawn(window.responses)
        yield World(compiled, person, window.start, Assumed(holdout=None, drawn=drawn), room)


def worlds(connection: Connection, compiled: Compiled, window: Window, ids: Sequence[int]) -> Iterator[World]:
    """Some customers' worlds, lived through to the window's end.

    Where capacities or channels have limits they live through it together, and are there when all have: `ids` must be
    those of everybody then.
    """
    if not window.couples:
        for world in at_the_beginning(connection, compiled, window, ids):
            world.run(window.to)
            world.close(window.to)
            yield world
        return
    room = Room(window.rules.policy)
    chunks = in_chunks(ids, CHUNK)
    together = [each for chunk in chunks for each in at_the_beginning(connection, compiled, window, chunk, room)]
    live_together(together, window.to)
    for world in together:
        world.close(window.to)
        yield world


def started(rules: Rules, playbooks: Sequence[str]) -> Iterator[str]:
    """The playbooks that steps of these start, and theirs."""
    seen, open_ = {*playbooks}, [*playbooks]
    while open_:
        plan = rules.plans.get(open_.pop())
        for step in plan.code if plan else ():
            if isinstance(step, StartPlaybook) and (name := step.given["playbook"]) not in seen:
                seen.add(name)
                open_.append(name)
                yield name


def _before(facts: CustomerFacts, start: int) -> CustomerFacts:
    """Without the messages that were really sent in the window: those of the simulation take their place."""
    own = {
        name: [row for row in facts.rows.get(name, ()) if not (isinstance(row[0], int) and row[0] >= start)]
        for name in ("messages", "message_events")
    }
    return CustomerFacts(facts.customer_id, facts.zone, {**facts.rows, **own})


def _on_site(
    connection: Connection, compiled: Compiled, ids: Sequence[int]
) -> dict[int, dict[str, Mapping[str, Value]]]:
    """What was looked for and put into carts, of each customer, where a playbook asks for it."""
    triggers = (each for plan in compiled.rules.plans.values() for each in plan.triggers())
    asked = any(each.where for each in triggers if isinstance(each, EventTrigger) and each.event.startswith("site."))
    found: dict[int, dict[str, Mapping[str, Value]]] = {}
    for customer, key, kind, data in connection.execute(_ON_SITE, (list(ids),)) if asked else ():
        found.setdefault(customer, {})[key] = compiled.matcher.fields(f"site.{kind}", data)
    return found


def _told(compiled: Compiled, row: tuple[Any, ...]) -> Told:
    kind, at, order, _, _, data, _ = row
    return Told(kind, at, compiled.matcher.fields(kind, data), order)
