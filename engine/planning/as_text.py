"""A plan as text for a terminal: tables first, then the examples."""

from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from engine.planning import words
from engine.planning.report import Group, Line, Plan

_NUMBERS = {"customers", "share", "spend", "before", "after", "journeys", "messages", "running", "held", "each"}


def show(plan: Plan, console: Console) -> None:
    """Writes a plan."""
    for each in _parts(plan):
        console.print(each)


def _parts(plan: Plan) -> Iterator[RenderableType]:
    yield escape(f"before  {words.version(plan.before)}")
    yield escape(f"after   {words.version(plan.after)}")
    yield f"[bold]{escape(words.headline(plan))}[/bold]"
    yield from (f"note: {escape(each)}" for each in plan.notes)
    if not plan.changes:
        return
    if plan.groups:
        yield _sizes(plan)
    if any(group.lines for group in plan.groups):
        yield _moves(plan)
        yield from _examples(plan)
    yield from _journeys(plan)
    yield from _edits(plan)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=f"\n{title}", title_justify="left")
    for heading in headings:
        table.add_column(heading, no_wrap=True, justify="right" if heading in _NUMBERS else "left")
    return table


def _sizes(plan: Plan) -> Table:
    table = _table("how many are in each", "what", "name", "rule", "before", "after")
    for group in plan.groups:
        for size in group.sizes:
            if group.kind in ("tag", "segment") or size.before or size.after:
                name = words.name_of(group) if group.kind in ("tag", "segment") else size.name
                table.add_row(
                    words.kind_of(group),
                    escape(name),
                    words.edited(group.edited),
                    f"{size.before:,}",
                    f"{size.after:,}",
                )
    return table


def _moves(plan: Plan) -> Table:
    table = _table("who changes", "what", "name", "change", "customers", "share", "spend")
    for group in plan.groups:
        for line in group.lines:
            name = words.name_of(group) if group.kind in ("tag", "segment") else ""
            table.add_row(
                words.kind_of(group),
                escape(name),
                escape(words.named_move(group, line)),
                f"{line.count:,}",
                words.percent(line.share),
                words.money(line.spend, plan.currency),
            )
    return table


def _examples(plan: Plan) -> Iterator[str]:
    for group in plan.groups:
        for line in group.lines:
            if line.examples:
                yield from _example(plan, group, line)


def _example(plan: Plan, group: Group, line: Line) -> Iterator[str]:
    of = f" {words.name_of(group)}" if group.kind in ("tag", "segment") else ""
    move = words.named_move(group, line)
    shown = f", {len(line.examples)} of {line.count:,}" if line.count > len(line.examples) else ""
    yield f"\n[bold]{escape(f'{words.kind_of(group)}{of}: {move}')}[/bold]{shown}"
    widest = max(len(each.customer) for each in line.examples)
    spends = [words.money(each.spend, plan.currency) for each in line.examples]
    for each, spend in zip(line.examples, spends, strict=True):
        row = f"  {each.customer:<{widest}}  {spend:>{max(map(len, spends))}}  {words.why(each)}"
        yield escape(row)


def _journeys(plan: Plan) -> Iterator[RenderableType]:
    if plan.starts:
        table = _table(
            "journeys that would start with --start existing; without it none",
            "playbook", "journeys", "each", "messages", "of whom",
        )  # fmt: skip
        for each in plan.starts:
            table.add_row(
                each.playbook, f"{each.journeys:,}", f"{each.each:,}", f"{each.messages:,}", words.starting(each)
            )
        yield table
        yield f"At most {plan.messages:,} messages in the coming week, beside all caps."
    under_way = [each for each in plan.under_way if each.plan != "same"]
    if under_way:
        table = _table("journeys under way", "playbook", "running", "held", "what becomes of them")
        for way in under_way:
            table.add_row(way.playbook, f"{way.running:,}", f"{way.held:,}", words.becomes(way))
        yield table
    same = sum(each.running + each.held for each in plan.under_way if each.plan == "same")
    if same:
        yield f"{same:,} journeys under way are of playbooks that were not edited."


def _edits(plan: Plan) -> Iterator[RenderableType]:
    if plan.edits:
        table = _table("also edited", "what", "name", "rule", "how")
        for each in plan.edits:
            table.add_row(each.kind, escape(each.name), words.edited(each.edited), escape("; ".join(each.what)))
        yield table
    if plan.policy:
        yield "\n[bold]policy[/bold]"
        yield from (f"  {escape(each)}" for each in plan.policy)
    if not (plan.groups or plan.edits or plan.policy):
        listed = ", ".join(f"{path} ({what})" for path, what in plan.files.items())
        yield escape(f"Only titles, descriptions or comments differ: {listed}")
