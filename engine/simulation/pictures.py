"""Pictures of a backtest as inline SVG: widths in per cent and text in pixels, so that they fit any screen unscaled.

Each has a title and a description for whoever does not see it; the numbers stand in a table beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

COLOURS = ("#3b6fb6", "#d1605e", "#3d8b4f", "#b8982c", "#5aa7c7", "#94508a", "#d98344")
REST = "#a3a9b1"
INK, SOFT, LINE = "#1b1f24", "#57606a", "#d0d7de"
GAIN, LOSS = "#2f6db5", "#b5442f"
_LEFT = 9.0
"""Per cent of the width that an axis takes."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A horizontal bar: its label, how long it is, and what stands at its end."""

    label: str
    value: float
    told: str
    colour: str = COLOURS[0]


@dataclass(frozen=True, slots=True)
class Compared:
    """A share with its 95 % interval, all 0 to 1."""

    who: str
    value: float
    low: float
    high: float
    told: str
    colour: str


def _svg(name: str, title: str, description: str, height: int, body: Sequence[str]) -> str:
    return (
        f'<svg role="img" width="100%" height="{height}" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{''.join(body)}</svg>"
    )


def _text(
    x: str, y: float, text: str, *, anchor: str = "start", size: int = 12, fill: str = INK, bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight}>{escape(text)}</text>'
    )


def _rect(x: float, y: float, width: float, height: float, fill: str, title: str = "", opacity: float = 1) -> str:
    told = f"<title>{escape(title)}</title>" if title else ""
    faint = f' fill-opacity="{opacity:.3g}"' if opacity < 1 else ""
    size = f'width="{max(width, 0):.3f}%" height="{max(height, 0):.1f}"'
    return f'<rect x="{x:.3f}%" y="{y:.1f}" {size} fill="{fill}"{faint}>{told}</rect>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = LINE, width: float = 1) -> str:
    return (
        f'<line x1="{x1:.3f}%" y1="{y1:.1f}" x2="{x2:.3f}%" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width:g}"/>'
    )


def short(number: float) -> str:
    """A number for an axis: `1.5k`."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + unit
    return f"{number:g}"


def _ticks(most: float) -> list[float]:
    """Round numbers from 0 to at least the most."""
    if most <= 0:
        return [0, 1]
    rough = most / 4
    size = 10 ** floor(log10(rough))
    step = max(next(each * size for each in (1, 2, 2.5, 5, 10) if each * size >= rough), 1)
    return [step * number for number in range(ceil(most / step) + 1)]


def columns(
    name: str, title: str, description: str, labels: Sequence[str], stacks: Sequence[tuple[str, str, Sequence[float]]]
) -> str:
    """Stacked columns.

    Args:
        name: unique on the page.
        title: what it shows.
        description: the same in a sentence, with the most important numbers.
        labels: below the columns.
        stacks: of each layer: its name, its colour, and a number for each column.
    """
    top, height = 10, 220
    most = max((sum(each[2][place] for each in stacks) for place in range(len(labels))), default=0)
    ticks = _ticks(most)
    scale = height / ticks[-1]
    body = []
    for tick in ticks:
        y = top + height - tick * scale
        body += [_line(_LEFT, y, 100, y), _text(f"{_LEFT - 1}%", y + 4, short(tick), anchor="end", size=11, fill=SOFT)]
    room = (100 - _LEFT) / max(len(labels), 1)
    wide = min(room * 0.76, 9)
    every = ceil(len(labels) / 7)
    for place, label in enumerate(labels):
        x, y = _LEFT + room * place + (room - wide) / 2, float(top + height)
        for layer, colour, values in stacks:
            if values[place]:
                tall = values[place] * scale
                y -= tall
                body.append(_rect(x, y, wide, tall, colour, f"{label}, {layer}: {values[place]:,}"))
        if place % every == 0:
            body.append(_text(f"{x + wide / 2:.3f}%", top + height + 18, label, anchor="middle", size=11, fill=SOFT))
    return _svg(name, title, description, top + height + 26, body)


def bars(name: str, title: str, description: str, rows: Sequence[Bar]) -> str:
    """Horizontal bars, each under its label."""
    most = max((each.value for each in rows), default=0) or 1
    body = []
    for place, each in enumerate(rows):
        y = 38 * place
        body += [
            _text("0", y + 14, each.label, size=13),
            _text("100%", y + 14, each.told, anchor="end", size=13, bold=True),
            _rect(0, y + 20, 100, 9, "#eef1f4"),
            _rect(0, y + 20, 100 * each.value / most, 9, each.colour),
        ]
    return _svg(name, title, description, 38 * len(rows), body)


def shares(name: str, title: str, description: str, groups: Sequence[tuple[str, Sequence[Compared]]]) -> str:
    """Shares beside each other with their intervals, in groups with a name."""
    most = max((each.high for _, own in groups for each in own), default=0) or 1
    full = 56 / most
    body, y = [], 0.0
    for label, own in groups:
        body.append(_text("0", y + 14, label, size=13, bold=True))
        y += 21
        for each in own:
            body += [
                _rect(0, y, full * each.value, 13, each.colour),
                _line(full * each.low, y + 6.5, full * each.high, y + 6.5, INK, 1.5),
                *(_line(full * end, y + 3, full * end, y + 10, INK, 1.5) for end in (each.low, each.high)),
                _text("100%", y + 11, each.told, anchor="end", size=12),
            ]
            y += 18
        y += 12
    return _svg(name, title, description, int(y), body)


def apart(name: str, title: str, description: str, rows: Sequence[tuple[str, int, int]]) -> str:
    """What was gained (to the right) and lost (to the left), by label."""
    most = max((max(gained, lost) for _, gained, lost in rows), default=0) or 1
    body = []
    for place, (label, gained, lost) in enumerate(rows):
        y = 38 * place
        told = " ".join(([f"+{gained:,}"] if gained else []) + ([f"-{lost:,}"] if lost else []))
        body += [
            _text("0", y + 14, label, size=13),
            _text("100%", y + 14, told, anchor="end", size=13, bold=True),
            _rect(0, y + 20, 100, 9, "#eef1f4"),
            _rect(50, y + 20, 50 * gained / most, 9, GAIN),
            _rect(50 - 50 * lost / most, y + 20, 50 * lost / most, 9, LOSS),
        ]
    height = 38 * len(rows)
    return _svg(name, title, description, height, [*body, _line(50, 18, 50, height - 6, SOFT)])


def heat(name: str, title: str, description: str, rows: Sequence[tuple[str, Sequence[int]]]) -> str:
    """A field for each hour (24) of each row, darker with more."""
    most = max((many for _, hours in rows for many in hours), default=0) or 1
    room, tall = (100 - _LEFT) / 24, 24
    body = []
    for place, (label, hours) in enumerate(rows):
        y = tall * place
        body.append(_text("0", y + 16, label, size=12))
        for hour, many in enumerate(hours):
            fill, opacity = (COLOURS[0], 0.12 + 0.88 * many / most) if many else ("#eef1f4", 1)
            told = f"{label} {hour:02}:00: {many:,}"
            body.append(_rect(_LEFT + room * hour + 0.1, y + 1, room - 0.2, tall - 2, fill, told, opacity))
    y = tall * len(rows) + 14
    body += [
        _text(f"{_LEFT + room * (hour + 0.5):.3f}%", y, f"{hour}", anchor="middle", size=11, fill=SOFT)
        for hour in range(0, 24, 3)
    ]
    return _svg(name, title, description, y + 6, body)


def flow(name: str, title: str, description: str, order: Sequence[str], changes: Sequence[tuple[str, str, int]]) -> str:
    """Bands from what customers were (left) to what they became; as thick as there are changes.

    Args:
        name: unique on the page.
        title: what it shows.
        description: the same in a sentence.
        order: the names from top to bottom.
        changes: from, to and how many.
    """
    changes = sorted(changes, key=lambda each: (order.index(each[0]), order.index(each[1])))
    sides = [_side(changes, order, place) for place in (0, 1)]
    colours = {each: COLOURS[place % len(COLOURS)] for place, each in enumerate(order)}
    high = max(ends for _, ends in sides)
    stretched = (
        f'<svg x="{_EDGE}%" width="{100 - 2 * _EDGE}%" height="{high:g}" viewBox="0 0 100 {high:g}" '
        f'preserveAspectRatio="none">{"".join(_bands(changes, sides[0][0], sides[1][0], colours))}</svg>'
    )
    body = [stretched]
    for (nodes, _), x, text, anchor in (
        (sides[0], _EDGE - 1, _EDGE - 2, "end"),
        (sides[1], 100 - _EDGE, 102 - _EDGE, "start"),
    ):
        for each, node in nodes.items():
            middle = node.y + max(node.tall, 2) / 2
            body += [
                _rect(x, node.y, 1, max(node.tall, 2), colours[each]),
                _text(f"{text}%", middle + 1, each, anchor=anchor),
                _text(f"{text}%", middle + 14, f"{node.many:,}", anchor=anchor, size=11, fill=SOFT),
            ]
    return _svg(name, title, description, int(high), body)


_EDGE = 30
_THICK = 170
"""Pixels of all bands together."""


@dataclass(frozen=True, slots=True)
class _Node:
    many: int
    y: float
    tall: float


def _side(changes: Sequence[tuple[str, str, int]], order: Sequence[str], place: int) -> tuple[dict[str, _Node], float]:
    """The nodes of one side from the top, and where they end."""
    total = sum(many for *_, many in changes) or 1
    nodes, y = {}, 8.0
    for name in order:
        many = sum(each[2] for each in changes if each[place] == name)
        if many:
            tall = _THICK * many / total
            nodes[name] = _Node(many, y, tall)
            y += max(tall, 26) + 10
    return nodes, y


def _bands(
    changes: Sequence[tuple[str, str, int]], left: dict[str, _Node], right: dict[str, _Node], colours: dict[str, str]
) -> Iterator[str]:
    used = [dict.fromkeys(left, 0.0), dict.fromkeys(right, 0.0)]
    for before, after, many in changes:
        thick = left[before].tall * many / left[before].many
        y1, y2 = left[before].y + used[0][before], right[after].y + used[1][after]
        used[0][before] += thick
        used[1][after] += thick
        path = (
            f"M0 {y1:.1f}C50 {y1:.1f} 50 {y2:.1f} 100 {y2:.1f}V{y2 + thick:.1f}"
            f"C50 {y2 + thick:.1f} 50 {y1 + thick:.1f} 0 {y1 + thick:.1f}Z"
        )
        told = escape(f"{before} to {after}: {many:,}")
        yield f'<path d="{path}" fill="{colours[before]}" fill-opacity="0.5"><title>{told}</title></path>'
