"""A backtest as one self-contained HTML page: no script, nothing from elsewhere, readable on a telephone and on paper.

Over 250 lines: one function for each section.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from html import escape
from zoneinfo import ZoneInfo

from engine.simulation import tables
from engine.simulation.chance import Share
from engine.simulation.changed import Event, Example
from engine.simulation.findings import THRESHOLDS, percent
from engine.simulation.page_style import STYLE
from engine.simulation.pictures import COLOURS, REST, Bar, Compared, apart, bars, columns, flow, heat, shares
from engine.simulation.result import EVERYBODY_ELSE, Result, sent_by
from engine.simulation.tables import WEEKDAYS, Report, Table, shown

_MOST_ROWS = 120
_MOST_BARS = 14
_MOST_OPEN = 20
"""Rows of a table that is open from the beginning."""
_WEIGHTS = {"look": "Look at this", "note": "To know"}


def page(report: Report) -> str:
    """The page of a backtest, as HTML."""
    sections = [each for each in _sections(report) if each]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Backtest {escape(_span(report))}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(sections)
        + "\n</main>\n</body>\n</html>\n"
    )


def _sections(report: Report) -> Iterator[str]:
    result = report.result
    yield _head(report)
    yield _findings(report)
    if result.before is not None:
        yield _both(report)
    yield _messages(result)
    yield _skips(result)
    yield _when(report)
    yield _goals(report)
    yield _journeys(result)
    yield _flows(report)
    yield _touched(report)
    yield _cost(report)
    yield _assumptions(report)


# --- what it is -------------------------------------------------------------------------------------------------------


def _span(report: Report) -> str:
    zone = ZoneInfo(report.window.rules.policy.zone)
    start, to = (each.astimezone(zone) for each in (report.window.start, report.window.to))
    return f"{_day(start.date())} {start.year} to {_day(to.date())} {to.year}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _head(report: Report) -> str:
    window, result = report.window, report.result
    totals = {row[0]: row[2] for row in tables.sides(report).rows}
    cells = "".join(
        f"<div><dt>{escape(what)}</dt><dd>{many:,}</dd></div>"
        for what, many in {"customers": result.customers, **totals}.items()
        if many or what == "messages sent"
    )
    names = ", ".join((*window.playbooks, *(f"campaign {each.name}" for each in window.campaigns)))
    kind = "Backtest" if window.responses is None else "Backtest with assumed responses"
    version = f"{escape(report.rules)} <code>{window.rules.version}</code>"
    if report.against is not None:
        version += f" against {escape(report.against[1])} <code>{report.against[0].rules.version}</code>"
    return (
        f"<header><p class=kicker>{kind}</p><h1>{escape(_span(report))}</h1>"
        f"<p class=lead>What {_taking_part(report)} would have done to {result.customers:,} customers. "
        "Nothing was sent or written.</p>"
        f"<p class=meta>Rules: {version}. Times in {escape(window.rules.policy.zone)}; the end is exclusive. "
        f"It took {report.seconds:,.0f} s.</p><details class=names><summary>What took part</summary>"
        f"<p>{escape(names)}</p></details>"
        f"<dl class=figures>{cells}</dl></header>"
    )


def _taking_part(report: Report) -> str:
    counts = ((len(report.window.playbooks), "playbook"), (len(report.window.campaigns), "campaign"))
    return " and ".join(f"{many} {what}{'' if many == 1 else 's'}" for many, what in counts if many) or "nothing"


def _findings(report: Report) -> str:
    if not report.findings:
        items = "<p>Nothing stands out by the thresholds below.</p>"
    else:
        items = "".join(
            f'<li class="{each.weight}"><b class=tag>{_WEIGHTS[each.weight]}</b> '
            f"{_marked(each.text, each.playbook)}</li>"
            for each in report.findings
        )
        items = f"<ul class=findings>{items}</ul>"
    limits = "".join(f"<li>{escape(text[0].upper() + text[1:])}.</li>" for text in THRESHOLDS.values())
    return _section(
        "findings",
        "What to look at",
        f"{items}<details class=numbers><summary>When something is told here</summary><ul>{limits}</ul></details>",
    )


def _marked(text: str, playbook: str) -> str:
    told = escape(text)
    name = escape(playbook)
    return told.replace(name, f"<b>{name}</b>", 1) if playbook else told


# --- two versions -----------------------------------------------------------------------------------------------------


def _both(report: Report) -> str:
    result = report.result
    assert result.changes is not None  # of two versions
    changed = tables.changed(result)
    rows = [(f"{row[0]} / {row[1]}", row[4], row[5]) for row in changed.rows if row[4] or row[5]]
    rows = sorted(rows, key=lambda row: -(row[1] + row[2]))[:_MOST_BARS]
    groups = [
        (row[1] if row[0] == "segment" else f"{row[0]} {row[1]}", row[2], row[3])
        for row in tables.changed_groups(result).rows
    ]
    groups = sorted(groups, key=lambda row: -(row[1] + row[2]))[:_MOST_BARS]
    counts = result.changes.customers
    share = Share(counts["changed"], result.customers).value
    told = (
        f"{counts['changed']:,} customers ({percent(share)}) are written to otherwise: {counts['gained']:,} get more "
        f"of something, {counts['lost']:,} get less."
    )
    body = f"<p>{escape(told)}</p>" + _open_table(tables.sides(report))
    if rows:
        picture = apart("changes", "Messages gained and lost by playbook and step", told, rows)
        body += _figure("Gained (right) and lost (left), by playbook and step", picture, changed)
    if groups:
        picture = apart("groups", "Messages gained and lost by segment, stage and tier", told, groups)
        body += _figure("By segment, stage and tier", picture, tables.changed_groups(result))
    examples = result.changes.chosen()
    if examples:
        body += "<h3>Examples</h3>" + "".join(_example(report, each) for each in examples)
    name = "" if report.against is None else report.against[1]
    return _section("changes", f"What changes against {name}", body)


def _example(report: Report, example: Example) -> str:
    sides = []
    for title, own, other in (("Before", example.before, example.after), ("After", example.after, example.before)):
        theirs = Counter(other)
        items = "".join(_event(report, each, theirs) for each in own) or "<li class=none>nothing</li>"
        sides.append(f"<div><h4>{title}</h4><ol class=timeline>{items}</ol></div>")
    name = escape(report.customer(example.customer))
    return f"<details class=example><summary>Customer {name}</summary><div class=sides>{''.join(sides)}</div></details>"


def _event(report: Report, event: Event, theirs: Counter[Event]) -> str:
    at, what, playbook, step, state, more = event
    local = datetime.fromisoformat(at).astimezone(ZoneInfo(report.window.rules.policy.zone))
    only = theirs[event] == 0
    theirs[event] -= 1
    mark = " <b class=only>only here</b>" if only else ""
    told = f"{what} {playbook} / {step}: {state}" + (f" ({more})" if more else "")
    return f"<li><time>{_day(local.date())} {local:%H:%M}</time> {escape(told)}{mark}</li>"


# --- messages ---------------------------------------------------------------------------------------------------------


def _messages(result: Result) -> str:
    sent = sent_by(result, "week", "playbook")
    weeks = sorted({each.week for each in result.messages})
    steps = tables.steps(result)
    body = _open_table(steps) if len(steps.rows) <= _MOST_OPEN else _details(steps)
    if not sent:
        return _section("messages", "Messages", "<p>No message was sent.</p>" + body)
    totals = sent_by(result, "playbook")
    names = [name for (name,), _ in sorted(totals.items(), key=lambda each: (-each[1], each[0]))]
    first = names if len(names) <= len(COLOURS) else names[: len(COLOURS) - 1]
    rest = [name for name in names if name not in first]
    stacks = [(name, COLOURS[place], [sent[week, name] for week in weeks]) for place, name in enumerate(first)]
    if rest:
        stacks.append((f"{len(rest)} others", REST, [sum(sent[week, name] for name in rest) for week in weeks]))
    labels = [_day(date.fromisoformat(week)) for week in weeks]
    most, week = max((sum(values[place] for _, _, values in stacks), labels[place]) for place in range(len(weeks)))
    told = f"{sum(totals.values()):,} messages in {len(weeks)} weeks; the most, {most:,}, in the week of {week}."
    picture = columns("weeks", "Messages sent by week and playbook", told, labels, stacks)
    legend = "".join(
        f'<li><i style="background:{colour}"></i>{escape(name)} <span>{sum(values):,}</span></li>'
        for name, colour, values in stacks
    )
    figure = _figure(
        "Sent by week (its Monday) and playbook", picture, tables.weeks(result), f"<ul class=legend>{legend}</ul>"
    )
    return _section("messages", "Messages", f"<p>{escape(told)}</p>{figure}<h3>By step</h3>{body}")


def _skips(result: Result) -> str:
    table = tables.skips(result)
    if not table.rows:
        return ""
    rows = sorted(table.rows, key=lambda row: (-row[3], row[:3]))
    shown_rows = [Bar(f"{row[0]}: {row[2]}", row[3], f"{row[3]:,}") for row in rows[:_MOST_BARS]]
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons[row[2]] += row[3]
    told = "By reason: " + ", ".join(f"{reason} {many:,}" for reason, many in reasons.most_common(6)) + "."
    picture = bars("skips", "Messages that did not leave, by playbook and reason", told, shown_rows)
    return _section(
        "skips",
        "Why messages did not leave",
        f"<p>{escape(told)}</p>" + _figure("By playbook and reason", picture, table),
    )


def _when(report: Report) -> str:
    hours = report.result.hours
    if not hours:
        return ""
    rows = [
        (name[:3], [sum(hours[channel, day, hour] for channel in {each[0] for each in hours}) for hour in range(24)])
        for day, name in enumerate(WEEKDAYS, 1)
    ]
    most = max(((many, day, hour) for day, own in rows for hour, many in enumerate(own)), key=lambda each: each[0])
    told = f"Most leave on {most[1]} from {most[2]:02}:00: {most[0]:,} in the whole window."
    zone = report.window.rules.policy.zone
    picture = heat("hours", f"Messages by weekday and hour, {zone}", told, rows)
    figure = _figure(f"By weekday and hour ({zone}), all channels", picture, tables.hours(report.result))
    peaks = tables.peaks(report)
    return _section("when", "When they leave", f"<p>{escape(told)}</p>{figure}<h3>Peaks</h3>{_open_table(peaks)}")


# --- journeys and goals -----------------------------------------------------------------------------------------------


def _goals(report: Report) -> str:
    table = tables.goals(report)
    if not table.rows:
        return ""
    groups: dict[str, list[Compared]] = {}
    for row in table.rows:
        who, colour = row[1], (COLOURS[0] if row[1] == EVERYBODY_ELSE else REST)
        label = "" if who == EVERYBODY_ELSE else f"{who}: "
        told = f"{label}{row[4]} of {row[2]:,}"
        groups.setdefault(row[0], []).append(Compared(who, row[4], row[5], row[6], told, colour))
    told = (
        "How many journeys reached their playbook's goal in its time: everybody else in blue, holdouts in grey. "
        "The black line is the 95 % interval."
    )
    picture = shares("goals", "Goals reached, beside the holdouts", told, list(groups.items()))
    lifts = tables.lifts(report.result)
    items = "".join(
        f"<li><b>{escape(row[0])}</b>: {row[1]} against {row[2]} in the holdouts; the difference of {row[3]} points "
        f"({row[4]} to {row[5]}) is <b>{escape(row[6])}</b>.</li>"
        for row in lifts.rows
    )
    said = f"<ul>{items}</ul>" if items else "<p>No playbook with a goal keeps a holdout.</p>"
    warning = (
        "History is replayed as it was: nobody reacts to a simulated message. A share says what happened anyway; only "
        "a playbook that was live in the window, with this holdout, can differ by its own doing."
        if report.window.responses is None
        else "Responses are assumed: where everybody else is better than the holdout, it is by assumption and no proof."
    )
    assumed = "" if report.window.responses is None else _details(tables.assumed(report.result))
    warned = f"<p class=warn>{escape(warning)}</p>"
    return _section(
        "goals",
        "Goals",
        f"<p>{escape(told)}</p>{warned}{_figure('Goals reached', picture, table)}{said}{_details(lifts)}{assumed}",
    )


def _journeys(result: Result) -> str:
    table = tables.journeys(result)
    started: Counter[str] = Counter()
    for playbook, _, _, many in table.rows:
        started[playbook] += many
    if not started:
        return _section("journeys", "Journeys", "<p>No journey was started.</p>")
    rows = [Bar(playbook, many, f"{many:,}") for playbook, many in started.most_common(_MOST_BARS)]
    told = f"{started.total():,} journeys were started, most of {rows[0].label} ({rows[0].told})."
    picture = bars("journeys", "Journeys started, by playbook", told, rows)
    return _section("journeys", "Journeys", f"<p>{escape(told)}</p>" + _figure("Started, by playbook", picture, table))


def _flows(report: Report) -> str:
    result, rules = report.result, report.window.rules.standing
    stages = [each.name for each in rules.lifecycle.stages] if rules.lifecycle else []
    tiers = [each.name for each in rules.tiers.tiers] if rules.tiers else []
    body = ""
    for kind, title, names in (("stage", "lifecycle stages", stages), ("tier", "tiers", tiers)):
        changes = [
            (before or "(none)", after or "(none)", many)
            for (name, before, after), many in result.flows.items()
            if name == kind
        ]
        if changes:
            most = sorted(changes, key=lambda each: (-each[2], each))[:4]
            told = "The most: " + ", ".join(f"{before} to {after} {many:,}" for before, after, many in most) + "."
            order = [*names, *sorted({each for change in changes for each in change[:2]} - set(names))]
            picture = flow(f"flow-{kind}", f"Changes between {title}", told, order, changes)
            table = tables.flows(result)
            own = replace(table, title=f"changes of {kind}", rows=[row for row in table.rows if row[0] == kind])
            body += f"<h3>Between {title}</h3><p>{escape(told)}</p>" + _figure(
                "Before on the left, after on the right", picture, own
            )
    if not body:
        return ""
    return _section("flows", "Where customers go", body + _details(tables.standing(result)))


def _touched(report: Report) -> str:
    table = tables.touched(report)
    return _section("touched", "Most touched", _open_table(table)) if table.rows else ""


def _cost(report: Report) -> str:
    table = tables.costs(report)
    body = _open_table(table) if table.rows else "<p>Neither coupons nor points were given.</p>"
    given = tables.given(report.result)
    return _section("cost", "Cost", body + (_details(given) if given.rows else ""))


def _assumptions(report: Report) -> str:
    notes = "".join(f"<li><b>{escape(each[0].upper() + each[1:])}.</b></li>" for each in report.notes)
    items = "".join(f"<li>{escape(each[0].upper() + each[1:])}.</li>" for each in report.assumptions)
    orders = "".join(f"<li>{escape(each[0].upper() + each[1:])}.</li>" for each in tables.ATTRIBUTION)
    return _section(
        "assumptions", "What is assumed", f"<ul>{notes}{items}</ul><h3>Goals and orders</h3><ul>{orders}</ul>"
    )


# --- pieces -----------------------------------------------------------------------------------------------------------


def _section(name: str, title: str, body: str) -> str:
    return f'<section id="{name}"><h2>{escape(title)}</h2>{body}</section>'


def _figure(caption: str, picture: str, table: Table, legend: str = "") -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{legend}{picture}</figure>{_details(table)}"


def _details(table: Table) -> str:
    return f"<details class=numbers><summary>The numbers: {escape(table.title)}</summary>{_open_table(table)}</details>"


def _open_table(table: Table) -> str:
    """The table in a box of its own, which scrolls where it is too wide."""
    numbers = [_numeric(table, place) for place in range(len(table.columns))]
    head = "".join(
        f"<th scope=col{' class=n' if number else ''}>{escape(name)}</th>"
        for name, number in zip(table.columns, numbers, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=n' if number else ''}>{escape(shown(each))}</td>"
            for each, number in zip(row, numbers, strict=True)
        )
        + "</tr>"
        for row in table.rows[:_MOST_ROWS]
    )
    more = len(table.rows) - _MOST_ROWS
    rest = f"<p class=meta>{more:,} more rows are in {table.name}.csv.</p>" if more > 0 else ""
    note = f"<p class=meta>{escape(table.note)}</p>" if table.note else ""
    title = escape(table.title)
    return (
        f'<div class=scroll tabindex=0 role=region aria-label="{title}"><table><caption>{title}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{rest}{note}"
    )


def _numeric(table: Table, place: int) -> bool:
    return any(not isinstance(row[place], str) for row in table.rows)
