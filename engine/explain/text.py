"""Explanations as text: verdicts as words, values aligned, readable aloud. Colour comes from Rich's markup."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.markup import escape

from engine.conditions.operands import instant
from engine.explain.proof import (
    Behind,
    Clause,
    Decided,
    Explained,
    Had,
    Instant,
    Missing,
    Overview,
    Proof,
    Turn,
    Valued,
    WhyNot,
)
from engine.explain.subject import WORDS
from engine.explain.words import Wording, unit_of

_NOT = {"all": "not all of these", "any": "none of these"}
_YES, _NO = "yes", "no "
_WIDEST = 72
_RELATIONS = {
    "orders": "order", "lines": "line", "payments": "payment", "shipments": "shipment", "reviews": "review",
    "returns": "return", "cases": "case", "site_events": "visit", "messages": "message", "message_events": "response",
    "campaign_periods": "campaign", "coupons": "coupon", "consents": "consent", "suppressions": "suppression",
    "points": "points", "customer": "customer",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of two columns; `mark` is the verdict before the left one."""

    left: str
    right: str = ""
    mark: str = ""
    indent: int = 0
    how: bool = False
    """It begins what a value comes from."""

    @property
    def width(self) -> int:
        return self.indent + (len(self.mark) + 1 if self.mark else 0) + cell_len(self.left)


def explained(told: Explained, clock: "Clock") -> str:
    """One rule or attribute, explained."""
    lines: list[_Line] = []
    if told.proof is not None:
        lines += _proof(told.proof, clock, 0)
    if told.attribute is not None:
        lines += _attribute(told.attribute, clock)
    told_turn = [_turn(told.turn, told.proof, clock)] if told.turn and told.proof else []
    missing = _why_not(told.why_not, told.proof) if told.why_not and told.proof else []
    notes = [f"note: {each}" for each in told.notes]
    parts = [_head(told.decided, clock), _aligned(_once(lines)), *missing, *told_turn, "\n".join(map(escape, notes))]
    return "\n\n".join(part for part in parts if part)


def overview(told: Overview, clock: "Clock") -> str:
    """The whole standing in short."""
    scores = told.rfm_scores
    marks = zip(("recency", "frequency", "monetary"), scores, strict=True)
    group = f"{_had(told.rfm_group, clock)}" if told.rfm_group else "none"
    rows = [("stage", _had(told.stage, clock)), ("tier", _had(told.tier, clock)), ("RFM group", group)]
    if None not in scores:
        rows.append(("scores", ", ".join(f"{name} {score}" for name, score in marks)))
    rows += _listed("segments", told.segments, clock) + _listed("tags", told.tags, clock)
    width = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(width)}   {escape(value)}" for name, value in rows]
    if told.turns_at is None:
        following = "If nothing happens, nothing changes."
    else:
        following = f"If nothing happens, at {clock.time(told.turns_at)}: {'; '.join(told.next_changes)}."
    notes = [f"note: {each}" for each in told.notes]
    return "\n\n".join(
        part
        for part in (_head(told.decided, clock), "\n".join(lines), escape(following), escape("\n".join(notes)))
        if part
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """Instants in words, by the customer's clock."""

    zone: str

    def time(self, at: Instant) -> str:
        """`2018-04-26 14:03:11`."""
        return Wording({}, {}, None, self.zone).instant(at.at)


def _head(decided: Decided, clock: Clock) -> str:
    who = f"[bold]{escape(decided.customer)}[/bold] (our number {decided.customer_id})"
    when = f"as of {clock.time(decided.as_of)} ({decided.zone})"
    cut_offs = ""
    if decided.cut_offs is not None and decided.cut_offs_as_of is not None:
        cut_offs = f", cut-offs {decided.cut_offs} of {instant(decided.cut_offs_as_of.at):%Y-%m-%d %H:%M:%S} UTC"
    return f"{who}, {escape(when)}\nrules version {decided.rules_version}{cut_offs}"


def _proof(proof: Proof, clock: Clock, indent: int) -> Iterator[_Line]:
    title = f", {proof.title}" if proof.title else ""
    yield _Line(f"{WORDS[proof.kind]} {proof.name}{title}", mark=_mark(proof.verdict), indent=indent)
    for note in proof.notes:
        yield _Line(note, indent=indent + 6)
    if proof.clause is not None:
        yield from _clause(proof.clause, clock, indent + 4)


def _clause(clause: Clause, clock: Clock, indent: int) -> Iterator[_Line]:
    heads = {"all": "all of these", "any": "at least one of these", "not": "this does not hold"}
    inner = clause.parts[0] if clause.kind == "not" else None
    if inner is not None and inner.kind in _NOT:
        yield _Line(f"{_NOT[inner.kind]}:", mark=_mark(clause.verdict), indent=indent)
        for part in inner.parts:
            yield from _clause(part, clock, indent + 4)
        return
    if clause.kind == "not" and clause.parts[0].kind == "did":
        part = clause.parts[0]
        yield _Line(clause.words, part.shown, _mark(clause.verdict), indent)
        return
    if clause.kind in heads and clause.parts:
        yield _Line(f"{heads[clause.kind]}:", mark=_mark(clause.verdict), indent=indent)
        for part in clause.parts:
            yield from _clause(part, clock, indent + 4)
        return
    yield _Line(clause.words, clause.shown, _mark(clause.verdict), indent)
    if clause.behind is not None:
        yield from _behind(clause.behind, clock, indent + 6)
    for proof in clause.because:
        yield from _proof(proof, clock, indent + 4)


def _behind(behind: Behind, clock: Clock, indent: int) -> Iterator[_Line]:
    if behind.facts and behind.facts[0].relation == "customer":  # the clause has said it
        return
    yield _Line(f"{behind.how}{':' if behind.facts or behind.parts else ': none'}", indent=indent, how=True)
    for fact in behind.facts:
        at = f" at {clock.time(fact.at)}" if fact.at is not None else ""
        says = f", {fact.says}" if fact.says else ""
        what = f"{_RELATIONS.get(fact.relation, fact.relation)} {fact.key}".strip()
        yield _Line(f"{what}{at}{says}", indent=indent + 2)
    if behind.count > len(behind.facts) and not any(each.decides for each in behind.facts):
        more = behind.count - len(behind.facts)
        yield _Line(f"and {more} more", indent=indent + 2)
    for part in behind.parts:
        yield _Line(f"{part.name}", part.shown, indent=indent + 2)
        if part.behind is not None:
            yield from _behind(part.behind, clock, indent + 4)


def _attribute(valued: Valued, clock: Clock) -> Iterator[_Line]:
    yield _Line(f"attribute {valued.name}, {valued.title}", valued.shown)
    if valued.behind is not None:
        yield from _behind(valued.behind, clock, 2)


def _turn(turn: Turn, proof: Proof, clock: Clock) -> str:
    if turn.at is None:
        until = "" if turn.looked_until is None else f" until {clock.time(turn.looked_until)}, as far as was looked"
        return f"If nothing happens, this does not change{until}."
    because = "".join(f"\n    {escape(each)}" for each in turn.clauses)
    head = f"If nothing happens, the customer {_moves(turn, proof)} at {clock.time(turn.at)}"
    return escape(head) + (":" if because else ".") + because


def _moves(turn: Turn, proof: Proof) -> str:
    what = f"{WORDS[proof.kind]} {proof.name}"
    match proof.kind:
        case "segment":
            return f"{'enters' if turn.verdict else 'leaves'} the {what}"
        case "tag":
            return f"{'gains' if turn.verdict else 'loses'} the {what}"
        case _ if turn.verdict:
            return f"comes into the {what}"
        case _ if turn.becomes is None:
            return f"leaves the {what}"
        case _:
            return f"goes from the {what} to {turn.becomes}"


def _why_not(why_not: WhyNot, proof: Proof) -> list[str]:
    if proof.holds:
        return ["Why not: its condition holds."]
    if not why_not.possible:
        return ["Why not: no clauses that could turn would give it."]
    count = len(why_not.clauses)
    head = f"Why not: {count} {unit_of('clauses', count)} would have to turn, and no smaller set is enough:"
    return ["\n".join([head, _aligned(list(_missing(why_not.clauses, 4)))])]


def _missing(missing: Sequence[Missing], indent: int) -> Iterator[_Line]:
    for each in missing:
        lead = "" if each.must_hold else "must not hold: "
        short = f"; {each.short_of}" if each.short_of else ""
        yield _Line(f"{lead}{each.words}", f"now {each.shown}{short}" if each.shown else "", indent=indent)
        for because in each.because:
            yield _Line(f"for the {WORDS[because.kind]} {because.name}:", indent=indent + 2)
            yield from _missing(because.clauses, indent + 4)


def _once(lines: Sequence[_Line]) -> list[_Line]:
    """What a value comes from is told at the first clause that asks for it: later ones have nothing new to say."""
    told: set[str] = set()
    kept: list[_Line] = []
    skipping: int | None = None
    for line in lines:
        if skipping is not None and line.indent > skipping and not line.mark:
            continue
        skipping = None
        if line.how and line.left in told:
            skipping = line.indent
            continue
        if line.how:
            told.add(line.left)
        kept.append(line)
    return kept


def _aligned(lines: Sequence[_Line]) -> str:
    column = max((line.width for line in lines if line.right and line.width <= _WIDEST), default=0) + 3
    return "\n".join(_told(line, column) for line in lines)


def _told(line: _Line, column: int) -> str:
    mark = f"[{'green' if line.mark == _YES else 'red'}]{line.mark}[/] " if line.mark else ""
    right = f"{' ' * max(column - line.width, 3)}{escape(line.right)}" if line.right else ""
    return f"{' ' * line.indent}{mark}{escape(line.left)}{right}"


def _mark(verdict: bool) -> str:  # noqa: FBT001 -- a verdict
    return _YES if verdict else _NO


def _had(had: Had | None, clock: Clock) -> str:
    if had is None:
        return "none"
    since = f", since {clock.time(had.since)}" if had.since is not None else ""
    return f"{had.name}{f' ({had.title})' if had.title else ''}{since}"


def _listed(name: str, had: Sequence[Had], clock: Clock) -> list[tuple[str, str]]:
    if not had:
        return [(name, "none")]
    return [(name if place == 0 else "", _had(each, clock)) for place, each in enumerate(had)]
