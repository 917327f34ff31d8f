"""A plan as Markdown for a pull request: what matters in a few lines, all else folded away.

Customers are told by our number: the shop's own name for one may be an address, which does not belong into a comment.
"""

from collections.abc import Iterator, Sequence

from engine.planning import words
from engine.planning.report import Group, Line, Plan

_MOST_LINES = 20
_LEFT_OUT = "Examples are left out here: `regulars plan` shows them."
_LONGEST = 60_000
"""GitHub takes 65,536 characters of a comment."""


def as_markdown(plan: Plan) -> str:
    """The plan, no longer than a comment may be: what does not fit is left out, and said."""
    whole = "\n".join(_parts(plan, examples=True)) + "\n"
    if len(whole) <= _LONGEST:
        return whole
    return "\n".join((*_parts(plan, examples=False), "", _LEFT_OUT)) + "\n"


def _parts(plan: Plan, *, examples: bool) -> Iterator[str]:
    yield "### Plan of the rules"
    yield ""
    yield f"**{_text(words.headline(plan))}**"
    yield ""
    yield f"Before: {_text(words.version(plan.before))}  "
    yield f"After: {_text(words.version(plan.after))}"
    for note in plan.notes:
        yield from ("", f"> {_text(note)}")
    if not plan.changes:
        return
    yield from _moves(plan)
    yield from _journeys(plan)
    yield from _policy(plan)
    if examples:
        yield from _examples(plan)
    yield from _sizes(plan)
    yield from _edits(plan)


def _moves(plan: Plan) -> Iterator[str]:
    lines = [(group, line) for group in plan.groups for line in group.lines]
    if not lines:
        return
    rows = [_move(plan, group, line) for group, line in lines]
    yield from _table(("what", "change", "customers", "share", "spend"), rows[:_MOST_LINES], "llrrr")
    if len(rows) > _MOST_LINES:
        rest = _table(("what", "change", "customers", "share", "spend"), rows[_MOST_LINES:], "llrrr")
        yield from _folded(f"{len(rows) - _MOST_LINES} more", rest)


def _move(plan: Plan, group: Group, line: Line) -> tuple[str, ...]:
    return (
        _what(group),
        _text(words.named_move(group, line)),
        f"{line.count:,}",
        words.percent(line.share),
        words.money(line.spend, plan.currency),
    )


def _what(group: Group) -> str:
    name = f" `{words.name_of(group)}`" if group.kind in ("tag", "segment") else ""
    return f"{words.kind_of(group)}{name}"


def _journeys(plan: Plan) -> Iterator[str]:
    if plan.starts:
        yield ""
        yield (
            f"**{plan.journeys:,} journeys** would start with `--start existing`, without it none; "
            f"at most **{plan.messages:,} messages** in the coming week."
        )
        rows = [
            (f"`{each.playbook}`", f"{each.journeys:,}", f"{each.messages:,}", words.starting(each))
            for each in plan.starts
        ]
        yield from _folded("by playbook", _table(("playbook", "journeys", "messages", "of whom"), rows, "lrrl"))
    edited = [each for each in plan.under_way if each.plan != "same"]
    if edited:
        ways = [(f"`{each.playbook}`", f"{each.running + each.held:,}", words.becomes(each)) for each in edited]
        yield from _table(("playbook", "journeys under way", "what becomes of them"), ways, "lrl")


def _policy(plan: Plan) -> Iterator[str]:
    if plan.policy:
        yield from ("", "Policy:", "", *(f"- {_text(each)}" for each in plan.policy))


def _examples(plan: Plan) -> Iterator[str]:
    for group in plan.groups:
        for line in group.lines:
            if line.examples:
                rows = [
                    (f"`{each.id}`", words.money(each.spend, plan.currency), _text(words.why(each)))
                    for each in line.examples
                ]
                title = f"{_what(group)}: {words.named_move(group, line)}, for example".replace("`", "")
                yield from _folded(_text(title), _table(("customer", "spend", "why"), rows, "lrl"))


def _sizes(plan: Plan) -> Iterator[str]:
    rows = [
        (_what(group), f"`{size.name}`", words.edited(group.edited), f"{size.before:,}", f"{size.after:,}")
        for group in plan.groups
        for size in group.sizes
        if size.before or size.after or group.edited != "affected"
    ]
    if rows:
        yield from _folded("how many are in each", _table(("what", "name", "rule", "before", "after"), rows, "lllrr"))


def _edits(plan: Plan) -> Iterator[str]:
    rows = [
        (each.kind, f"`{each.name}`", words.edited(each.edited), _text("; ".join(each.what))) for each in plan.edits
    ]
    if rows:
        yield from _folded(f"{len(rows)} other edits", _table(("what", "name", "rule", "how"), rows, "llll"))
    if not (plan.groups or plan.edits or plan.policy):
        yield from ("", "Only titles, descriptions or comments differ.")


def _folded(title: str, lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    yield from ("", f"<details><summary>{title}</summary>", *lines, "", "</details>")


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(headings)} |"
    yield f"|{'|'.join('---:' if side == 'r' else '---' for side in sides)}|"
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _text(text: str) -> str:
    """Nothing of the rules or the facts becomes markup."""
    for mark in "\\`*<>[]":
        text = text.replace(mark, {"<": "&lt;", ">": "&gt;"}.get(mark, f"\\{mark}"))
    return text
