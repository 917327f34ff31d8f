"""The most that one journey can do in a span of time, from its plan alone.

Every way through the steps is possible, whatever conditions ask; waits take their shortest time, and a wait that an
event can end takes none. A step of a `parallel` may meet any other that goes on beside it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, inf, prod

from engine.conditions.ast import All, Any, Condition, Not, StepIs
from engine.journeys.plan import (
    Again,
    Branch,
    End,
    First,
    Join,
    Jump,
    Parallel,
    Plan,
    Repeat,
    Send,
    Split,
    Step,
    Switch,
    Wait,
    WaitFor,
    WaitUntil,
)

DAY = 86400
WEEK = 7 * DAY
LONGEST = 90 * DAY
"""Seconds within which a moment that facts tell has come: an assumption, as nothing in the plan says it."""
_CLOCK_CHANGE = 7200
_NEXT_CLOCK, _NEXT_WEEKDAY = DAY + _CLOCK_CHANGE, WEEK + DAY
_MOST_NODES = 4000
"""Steps, each in each of its rounds, that are looked at; beyond, all rounds are counted as if at once."""

Counts = Callable[[Step], bool]


@dataclass(frozen=True, slots=True)
class Pace:
    """What the policy adds to the times of a plan, in seconds.

    `delay` is how long a message can be held back, `working` how long the shop works in a week (0: always).
    """

    delay: int = 0
    working: int = 0


@dataclass(frozen=True, slots=True)
class _Node:
    """An instruction as it is come to: with the number of each open round, and which of the steps before it failed."""

    index: int
    rounds: tuple[tuple[int, int], ...] = ()
    failed: frozenset[tuple[str, bool]] = frozenset()


@dataclass(frozen=True, slots=True)
class Worst:
    """What one journey does at most. `first` and `last` are seconds after its start: when it is done, if ever.

    `steps` are those of the way that reaches it, each with its earliest second after the journey's start; empty where
    there are too many rounds to tell.
    """

    most: int = 0
    steps: tuple[tuple[str, int], ...] = ()
    first: int = 0
    last: int = 0


def worst(plan: Plan, counts: Counts, span: float = inf, pace: Pace = Pace()) -> Worst:
    """The most that one journey does of what is counted in any `span` seconds, of which the end is exclusive.

    Args:
        plan: what it runs by.
        counts: which steps are counted.
        span: in seconds; default: all of the journey's life.
        pace: what the policy adds to its times.
    """
    if not any(map(counts, plan.code)):
        return Worst()
    try:
        thread = _Search(plan, counts, span, pace).thread(_Node(0), _Arrival(0, 0))
    except _TooManyError:
        return _all_at_once(plan, counts, pace)
    steps = tuple((step, max(at, thread.earliest[step])) for step, at in thread.steps)
    return Worst(len(steps), steps, thread.first or 0, thread.last)


class _TooManyError(Exception):
    """There are more rounds than can be looked at one by one."""


def _all_at_once(plan: Plan, counts: Counts, pace: Pace) -> Worst:
    """Every step as often as it can be taken, at once."""
    most, last, start = 0, 0, _Arrival(0, 0)
    for index, step in enumerate(plan.code):
        loops = (
            each for place, each in enumerate(plan.code) if isinstance(each, Repeat) and place < index <= each.last
        )
        times = prod(each.times for each in loops)
        most += times * counts(step)
        pause = step.every or 0 if isinstance(step, Again) else 0
        last += times * max((edge.most for edge in _edges(plan, _Node(index), start, pace)), default=0) + times * pause
    return Worst(most, (), 0, last)


@dataclass(frozen=True, slots=True)
class _Arrival:
    """When a step is reached, at the earliest and latest: seconds since the start; `rounds` since each open round."""

    low: int
    high: int
    rounds: tuple[int, ...] = ()

    def or_(self, other: "_Arrival | None") -> "_Arrival":
        """By either of two ways."""
        if other is None:
            return self
        rounds = tuple(map(max, self.rounds, other.rounds))
        return _Arrival(min(self.low, other.low), max(self.high, other.high), rounds)

    def and_(self, other: "_Arrival | None") -> "_Arrival":
        """When both have been reached."""
        return self if other is None else replace(self.or_(other), low=max(self.low, other.low))


@dataclass(frozen=True, slots=True)
class _Edge:
    """A way to another instruction, taking `least` to `most` seconds; `since` bounds both from the journey's start."""

    to: int
    least: int = 0
    most: int = 0
    since: tuple[int, int] | None = None
    failed: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Chain:
    """Counted steps, one after the other: `gap` seconds before this one, `total` before the last."""

    gap: int
    total: int
    step: str
    rest: "_Chain | None" = None

    def times(self) -> Iterator[tuple[int, str]]:
        """Each step, after the seconds before it."""
        at, chain = 0, self
        while True:
            at += chain.gap
            yield at, chain.step
            if chain.rest is None:
                return
            chain = chain.rest


Chains = tuple[_Chain, ...]
"""The shortest chain of one, two and more steps from a place on."""


@dataclass(slots=True)
class _Thread:
    """One of several lists of steps that go on at once: what is worst in it, and when it comes to its join."""

    chains: Chains = ()
    steps: tuple[tuple[str, int], ...] = ()
    first: int | None = None
    last: int = 0
    joined: _Arrival | None = None
    joins_after: int = 0
    earliest: dict[str, int] = field(default_factory=dict)

    def see(self, step: str, first: int, last: int) -> None:
        """Something counted is done between two instants."""
        self.first = first if self.first is None else min(self.first, first)
        self.last = max(self.last, last)
        self.earliest[step] = min(first, self.earliest.get(step, first))

    def see_all(self, other: "_Thread") -> None:
        """What is done in a branch."""
        if other.first is not None:
            self.first = other.first if self.first is None else min(self.first, other.first)
            self.last = max(self.last, other.last)
            self.earliest.update(other.earliest)

    def offer(self, steps: Sequence[tuple[str, int]]) -> None:
        """The worst way is the one with the most steps; of several the one that begins first."""
        if steps and (not self.steps or (len(steps), -steps[0][1]) >= (len(self.steps), -self.steps[0][1])):
            self.steps = tuple(steps)


@dataclass
class _Search:
    plan: Plan
    counts: Counts
    span: float
    pace: Pace
    nodes: int = 0

    @cached_property
    def asked(self) -> frozenset[str]:
        """Steps of which it matters whether they failed: those that a condition asks about."""
        conditions = [step.condition for step in self.plan.code if isinstance(step, Branch)]
        return frozenset(
            each.step for condition in conditions for each in _parts(condition) if isinstance(each, StepIs)
        )

    def thread(self, entry: _Node, arrival: _Arrival) -> _Thread:
        """What is worst from an instruction on, up to its join or the end."""
        order = self._order(entry)
        found, arrivals, gone = _Thread(), {entry: arrival}, {entry: 0}
        ways: dict[_Node, list[tuple[_Edge, _Node]]] = {}
        branches: dict[_Node, list[_Thread]] = {}
        for node in order:
            if node not in arrivals:
                continue
            at, step = arrivals[node], self.plan.code[node.index]
            if isinstance(step, Join):
                found.joins_after = gone[node] if found.joined is None else min(found.joins_after, gone[node])
                found.joined = at.or_(found.joined)
            if isinstance(step, Parallel):
                branches[node] = [self.thread(self._forget(node, step, index), at) for index in step.branches]
                ways[node] = self._join(node, step, branches[node], arrivals, gone)
                continue
            ways[node] = self._leave(node, at, arrivals, gone)
            if self.counts(step):
                found.see(step.id, at.low, at.high + (self.pace.delay if isinstance(step, Send) else 0))
        self._look_back(found, [node for node in reversed(order) if node in arrivals], arrivals, ways, branches)
        return found

    def _order(self, entry: _Node) -> list[_Node]:
        """All that can be reached, each before what follows it."""
        done: list[_Node] = []
        seen, stack = {entry}, [(entry, self._following(entry))]
        while stack:
            node, following = stack[-1]
            for after in following:
                if after not in seen:
                    seen.add(after)
                    stack.append((after, self._following(after)))
                    break
            else:
                done.append(node)
                stack.pop()
            if self.nodes + len(seen) > _MOST_NODES:
                raise _TooManyError
        self.nodes += len(seen)
        return done[::-1]

    def _following(self, node: _Node) -> Iterator[_Node]:
        step = self.plan.code[node.index]
        if isinstance(step, Parallel):
            if step.join < len(self.plan.code):  # nothing need come after branches that all end the journey
                yield self._forget(node, step, step.join)
            return
        for edge in _edges(self.plan, node, _Arrival(0, 0), self.pace):
            yield self._to(node, edge)

    def _to(self, node: _Node, edge: _Edge) -> _Node:
        rounds, failed, step = node.rounds, node.failed, self.plan.code[node.index]
        if isinstance(step, Repeat):
            rounds = (*rounds, (node.index, 1))
        elif edge.again:
            rounds = (*rounds[:-1], (rounds[-1][0], rounds[-1][1] + 1))
        elif step.on_failure is not None and step.id in self.asked:
            failed = failed - {(step.id, True), (step.id, False)} | {(step.id, edge.failed)}
        return self._inside(_Node(edge.to, rounds, failed))

    def _inside(self, node: _Node) -> _Node:
        """As the interpreter does: repetitions that have been left are forgotten."""
        rounds = tuple(each for each in node.rounds if each[0] < node.index <= self.plan.code[each[0]].last)  # type: ignore[union-attr]
        return replace(node, rounds=rounds)

    def _forget(self, node: _Node, step: Parallel, to: int) -> _Node:
        """What follows a `Parallel`: nothing is known of what its branches do."""
        own = {each.id for each in self.plan.code[node.index : step.join]}
        return self._inside(_Node(to, node.rounds, frozenset(each for each in node.failed if each[0] not in own)))

    def _leave(
        self, node: _Node, at: _Arrival, arrivals: dict[_Node, _Arrival], gone: dict[_Node, int]
    ) -> list[tuple[_Edge, _Node]]:
        """The ways out of an instruction; what they lead to is reached."""
        found = [(edge, self._to(node, edge)) for edge in _edges(self.plan, node, at, self.pace)]
        for edge, to in found:
            arrivals[to] = self._after(node, at, edge, to).or_(arrivals.get(to))
            gone[to] = min(gone.get(to, gone[node] + edge.least), gone[node] + edge.least)
        return found

    def _after(self, node: _Node, at: _Arrival, edge: _Edge, to: _Node) -> _Arrival:
        low, high = at.low + edge.least, at.high + edge.most
        if edge.since is not None:
            low, high = max(at.low, edge.since[0]), max(at.high, edge.since[1])
        spent = [each + edge.most for each in at.rounds]
        if edge.again:
            spent[-1] = 0
        elif isinstance(self.plan.code[node.index], Repeat):
            spent.append(0)
        open_rounds = {repeat for repeat, _ in to.rounds}
        repeats = [repeat for repeat, _ in node.rounds] + [node.index]
        kept = tuple(each for repeat, each in zip(repeats, spent, strict=False) if repeat in open_rounds)
        return _Arrival(low, high, kept)

    def _join(
        self,
        node: _Node,
        step: Parallel,
        branches: list[_Thread],
        arrivals: dict[_Node, _Arrival],
        gone: dict[_Node, int],
    ) -> list[tuple[_Edge, _Node]]:
        """What follows when all branches have come to their join; nothing where one of them never does."""
        both: _Arrival | None = None
        for branch in branches:
            if branch.joined is None:
                return []
            both = branch.joined.and_(both)
        if both is None:
            return []
        least, to = max(branch.joins_after for branch in branches), self._forget(node, step, step.join)
        arrivals[to] = replace(both, rounds=both.rounds[: len(to.rounds)]).or_(arrivals.get(to))
        gone[to] = min(gone.get(to, gone[node] + least), gone[node] + least)
        return [(_Edge(step.join, least), to)]

    def _look_back(
        self,
        found: _Thread,
        backwards: list[_Node],
        arrivals: dict[_Node, _Arrival],
        ways: dict[_Node, list[tuple[_Edge, _Node]]],
        branches: dict[_Node, list[_Thread]],
    ) -> None:
        """The shortest chains from each instruction on, from the last to the first; with them the worst way."""
        chains: dict[_Node, Chains] = {}
        for node in backwards:
            step, onward = self.plan.code[node.index], [(edge, chains[to]) for edge, to in ways[node]]
            if node in branches:
                chains[node] = self._together(found, branches[node], onward)
                continue
            done = _shortest([self._later(each, edge.least) for edge, each in onward if not edge.failed])
            if self.counts(step):
                done = (_Chain(0, 0, step.id), *(_Chain(0, each.total, step.id, each) for each in done))
                began = arrivals[node].low
                found.offer([(name, began + at) for at, name in done[-1].times()])
            chains[node] = _shortest([done, *(self._later(each, edge.least) for edge, each in onward if edge.failed)])
        found.chains = chains[backwards[-1]]

    def _together(self, found: _Thread, branches: list[_Thread], onward: list[tuple[_Edge, Chains]]) -> Chains:
        """What goes on at once adds up; so does what comes after the join, if the span begins in a branch."""
        after = [self._later(each, edge.least) for edge, each in onward]
        inside = [step for branch in branches for step in branch.steps]
        joined = max((branch.joined.low for branch in branches if branch.joined), default=0)
        following = [(name, joined + at) for _, each in onward if each for at, name in each[-1].times()]
        found.offer(sorted([*inside, *following], key=lambda each: each[1]))
        for branch in branches:
            found.see_all(branch)
        merged: Chains = ()
        for each in (*(branch.chains for branch in branches), *after):
            merged = self._merge(merged, each)
        return merged

    def _later(self, chains: Chains, seconds: int) -> Chains:
        """The same after a wait; what leaves the span is cut."""
        if not seconds:
            return chains
        return tuple(
            _Chain(each.gap + seconds, each.total + seconds, each.step, each.rest)
            for each in chains
            if each.total + seconds < self.span
        )

    def _merge(self, one: Chains, other: Chains) -> Chains:
        """Two that go on at once: of each so many as come first."""
        if not one or not other:
            return one or other
        merged, first, second = [], 0, 0
        while first < len(one) or second < len(other):
            if second == len(other) or (first < len(one) and one[first].total <= other[second].total):
                first += 1
            else:
                second += 1
            taken = (*one[:first][-1:], *other[:second][-1:])
            merged.append(_chain(sorted(each for chain in taken for each in chain.times())))
        return tuple(merged)


def _chain(times: list[tuple[int, str]]) -> _Chain:
    """A chain of steps at given seconds."""
    last = times[-1][0]
    chain: _Chain | None = None
    for (at, step), (before, _) in zip(reversed(times), [*reversed(times[:-1]), (0, "")], strict=True):
        chain = _Chain(at - before, last - before, step, chain)
    assert chain is not None  # there is one step at least
    return chain


def _shortest(ways: list[Chains]) -> Chains:
    """Of several ways the shortest for each number of steps."""
    ways = list({id(way): way for way in ways if way}.values())
    if len(ways) == 1:
        return ways[0]
    longest = max(map(len, ways), default=0)
    return tuple(min((way[k] for way in ways if k < len(way)), key=lambda each: each.total) for k in range(longest))


def _edges(plan: Plan, node: _Node, at: _Arrival, pace: Pace) -> Iterator[_Edge]:
    """The ways out of an instruction, with the time each takes; none out of a `Parallel`."""
    index, step = node.index, plan.code[node.index]
    match step:
        case Wait(seconds=seconds, since=since):
            yield _moment(index + 1, since, seconds, seconds, at)
        case WaitUntil():
            yield from _until(index, step, at, pace)
        case WaitFor(got=got, orelse=orelse, within=within, until=until):
            yield from (_Edge(got, 0, within), _Edge(orelse, 0 if until else within, within))
        case First(ways=ways, orelse=orelse, within=within):
            yield from (*(_Edge(way.to, 0, within) for way in ways), _Edge(orelse, within, within))
        case Again():
            yield _again(node, step, at)
        case Send():
            yield _Edge(index + 1, 0, pace.delay)
        case _:
            yield from map(_Edge, _next(node, step))
    if step.on_failure is not None:
        yield _Edge(step.on_failure, 0, pace.delay if isinstance(step, Send) else 0, failed=True)


def _next(node: _Node, step: Step) -> Iterator[int]:
    """Where an instruction that takes no time leads."""
    match step:
        case End() | Join() | Parallel():
            return
        case Jump(to=to):
            yield to
        case Branch(condition=condition, orelse=orelse):
            holds = _holds(condition, dict(node.failed))
            yield from (*[node.index + 1] * (holds is not False), *[orelse] * (holds is not True))
        case Switch(cases=cases, orelse=orelse):
            yield from dict.fromkeys((*cases.values(), orelse))
        case Split(arms=arms):
            yield from (arm.to for arm in arms if arm.share)
        case _:
            yield node.index + 1


def _parts(condition: Condition) -> Iterator[Condition]:
    """A condition and all that it is made of."""
    yield condition
    for part in getattr(condition, "parts", ()) or filter(None, (getattr(condition, "part", None),)):
        yield from _parts(part)


def _holds(condition: Condition, failed: Mapping[str, bool]) -> bool | None:
    """The truth of a condition as far as it follows from which steps failed; None: either."""
    match condition:
        case StepIs(step=step, state=state, is_=is_) if step in failed:
            if state == "failed":
                return failed[step] == is_
            return not is_ if failed[step] and state in ("sent", "done", "skipped") else None
        case Not(part=part):
            known = _holds(part, failed)
            return None if known is None else not known
        case All(parts=parts):
            found = [_holds(part, failed) for part in parts]
            return False if False in found else None if None in found else True
        case Any(parts=parts):
            found = [_holds(part, failed) for part in parts]
            return True if True in found else None if None in found else False
        case _:
            return None


def _again(node: _Node, step: Again, at: _Arrival) -> _Edge:
    if not node.rounds or node.rounds[-1][0] != step.repeat or node.rounds[-1][1] >= step.times:
        return _Edge(node.index + 1)
    every = step.every or 0
    spent = at.rounds[-1] if at.rounds else 0
    return _Edge(step.repeat + 1, max(0, every - spent), every, again=True)


def _until(index: int, step: WaitUntil, at: _Arrival, pace: Pace) -> Iterator[_Edge]:
    when = step.when
    earliest = latest = when.offset if when.elapses else 0
    if when.date or when.length:
        latest = max(LONGEST, when.default)
    elif when.at or when.weekday:
        latest = _NEXT_WEEKDAY if when.weekday else _NEXT_CLOCK
    if when.business and pace.working:
        latest = ceil(latest / pace.working) * WEEK + _CLOCK_CHANGE if when.elapses else latest + WEEK
    yield _moment(index + 1, "previous" if when.date else step.since, earliest, latest, at)
    if step.if_past == "skip" and step.skip_to is not None:
        yield _Edge(step.skip_to)


def _moment(to: int, since: str, earliest: int, latest: int, at: _Arrival) -> _Edge:
    """A wait between two lengths of time, from here or from the journey's start."""
    earliest, latest = max(earliest, 0), max(latest, 0)
    if since == "previous":
        return _Edge(to, earliest, latest)
    return _Edge(to, max(0, earliest - at.high), max(0, latest - at.low), (earliest, latest))
