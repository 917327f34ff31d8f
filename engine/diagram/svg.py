"""A graph as SVG: one picture that needs no script, no font and no other file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, fsum

from engine.diagram.graph import Arrow, Box, Graph, Shape
from engine.diagram.layout import Layout, Link, Place, Size, lay_out
from engine.diagram.measure import FONTS, width, wrapped

_MARGIN = 24.0
_TITLE, _TEXT, _SMALL = 13.0, 12.0, 11.0
_LINE = 1.35
"""Height of a line by its letters' size."""
_WIDEST, _WIDEST_LABEL, _WIDEST_HEAD = 216.0, 150.0, 640.0
_ACROSS, _DOWN = 12.0, 8.0
"""Room around the text of a box."""
_PORT = 22.0
"""Between two arrows at one box."""
_STUB = 10.0
"""So far an arrow is straight where it leaves a box and where it comes to one, so that its head points at it."""


@dataclass(frozen=True, slots=True)
class _Look:
    """Colours of a kind of box, and how round its corners are."""

    fill: str
    line: str
    word: str
    round: float = 4


_LOOKS: dict[Shape, _Look] = {
    "start": _Look("#e7f5ec", "#2f855a", "starts", 16),
    "send": _Look("#e8f0fe", "#2b5fb8", "message"),
    "wait": _Look("#fff7e0", "#a8780a", "wait"),
    "choice": _Look("#f4ecfb", "#7a3fa8", "question", 12),
    "act": _Look("#eef1f4", "#52606d", "step"),
    "together": _Look("#e6f6f8", "#1f7a8c", "at once or again", 12),
    "end": _Look("#fdecec", "#b03a3a", "end", 16),
}
_INK, _PALE, _FAILURE = "#1f2933", "#52606d", "#b03a3a"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a box or a label."""

    text: str
    size: float = _TEXT
    bold: bool = False
    colour: str = _INK

    @property
    def width(self) -> float:
        """As wide as it can be."""
        return width(self.text, self.size, bold=self.bold)

    @property
    def height(self) -> float:
        """With the room to the next line."""
        return self.size * _LINE


_OPENING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
    'role="img" aria-labelledby="title" font-family="{fonts}">'
)


def to_svg(graph: Graph) -> str:
    """The picture. The same graph gives the same text."""
    drawing = Drawing(graph)
    size = drawing.size
    parts = [
        _OPENING.format(width=_number(size.width), height=_number(size.height), fonts=FONTS),
        f'<title id="title">{escape(graph.title)}: {escape(graph.name)}</title>',
        _MARKERS,
        f'<rect width="{_number(size.width)}" height="{_number(size.height)}" fill="#ffffff"/>',
        *drawing.head(),
        *drawing.arrows(),
        *drawing.boxes(),
        *drawing.labels(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 8 4 0 8z" fill="{colour}"/></marker>'
    )


_MARKERS = f"<defs>{_marker('arrow', _PALE)}{_marker('failed', _FAILURE)}</defs>"


class Drawing:
    """A graph with everything in its place. All positions are in pixels from the upper left corner of the picture."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.texts = [lines_of_box(box) for box in graph.boxes]
        self.names = [_lines_of_label(arrow) for arrow in graph.arrows]
        self.notes = [Line(graph.title, 17, bold=True), *_notes(graph)]
        numbers = {box.id: number for number, box in enumerate(graph.boxes)}
        links = [
            Link(numbers[arrow.source], numbers[arrow.target], _size(lines, 6, 1), arrow.back)
            for arrow, lines in zip(graph.arrows, self.names, strict=True)
        ]
        self.links = links
        self.layout: Layout = lay_out([_size(lines, _ACROSS, _DOWN) for lines in self.texts], links)
        head = _size(self.notes, 0, 0)
        inner = max(self.layout.size.width, head.width)
        self.size = Size(inner + 2 * _MARGIN, self.layout.size.height + head.height + 3 * _MARGIN)
        self._move((inner - self.layout.size.width) / 2 + _MARGIN, head.height + 2 * _MARGIN)

    def _move(self, across: float, down: float) -> None:
        for place in (*self.layout.boxes, *(place for chain in self.layout.chains for place in chain)):
            place.x += across
            place.y += down
        self.bands = [(top + down, bottom + down) for top, bottom in self.layout.layers]

    def head(self) -> Iterator[str]:
        """The title, and what holds for all of it."""
        y = _MARGIN
        for line in self.notes:
            yield _text(line, _MARGIN, y, "start")
            y += line.height

    def boxes(self) -> Iterator[str]:
        """Each box with its text."""
        for box, lines, place in zip(self.graph.boxes, self.texts, self.layout.boxes, strict=True):
            look = _LOOKS[box.shape]
            yield (
                f'<rect x="{_number(place.left)}" y="{_number(place.y)}" width="{_number(place.size.width)}" '
                f'height="{_number(place.size.height)}" rx="{look.round:g}" fill="{look.fill}" stroke="{look.line}" '
                f'stroke-width="1.3"><title>{look.word}: {escape(box.id)}</title></rect>'
            )
            yield from _block(lines, place.x, place.y + _DOWN)

    def labels(self) -> Iterator[str]:
        """Each label, on white over its arrow."""
        for lines, place in zip(self.names, self.layout.labels, strict=True):
            if lines:
                yield (
                    f'<rect x="{_number(place.left)}" y="{_number(place.y)}" width="{_number(place.size.width)}" '
                    f'height="{_number(place.size.height)}" fill="#ffffff"/>'
                )
                yield from _block(lines, place.x, place.y + 1)

    def arrows(self) -> Iterator[str]:
        """Each arrow, bent between the layers only, where nothing else stands."""
        ports = self._ports()
        for number, (arrow, link) in enumerate(zip(self.graph.arrows, self.links, strict=True)):
            upper, lower = (self.layout.boxes[each] for each in link.down)
            points = self._points(upper, lower, self.layout.chains[number], *ports[number])
            path = _path(points[::-1] if arrow.back else points)
            failed = arrow.kind == "failure"
            colour, marker = (_FAILURE, "failed") if failed else (_PALE, "arrow")
            dashed = ' stroke-dasharray="5 4"' if failed or arrow.back else ""
            yield (
                f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.3"{dashed} '
                f'marker-end="url(#{marker})"/>'
            )

    def _points(
        self, upper: Place, lower: Place, chain: Sequence[Place], leaves: float, enters: float
    ) -> list[tuple[float, float]]:
        """Pairs of points: straight within a layer, bent from the one's end to the next one's beginning."""
        points = [(leaves, upper.bottom), (leaves, self.bands[upper.layer][1] + _STUB)]
        for place in chain:
            top, bottom = self.bands[place.layer]
            points += [(place.x, top), (place.x, bottom)]
        return [*points, (enters, lower.y - _STUB), (enters, lower.y)]

    def _ports(self) -> list[tuple[float, float]]:
        """For each arrow where it touches its upper and its lower box: in the order in which they go on."""
        found = [[0.0, 0.0] for _ in self.links]
        for end in (0, 1):
            at: dict[int, list[int]] = {}
            for number, link in enumerate(self.links):
                at.setdefault(link.down[end], []).append(number)
            for box, numbers in at.items():
                place = self.layout.boxes[box]
                numbers.sort(key=lambda number: self.layout.chains[number][-end].x)
                apart = min(_PORT, (place.size.width - 2 * _ACROSS) / max(len(numbers) - 1, 1))
                for turn, number in enumerate(numbers):
                    found[number][end] = place.x + (turn - (len(numbers) - 1) / 2) * apart
        return [(leaves, enters) for leaves, enters in found]


def lines_of_box(box: Box) -> list[Line]:
    """The lines of a box, wrapped: its title, what is behind it, what a backtest counted."""
    lines = [Line(text, _TITLE, bold=True) for text in wrapped(_capital(box.title), _WIDEST, _TITLE, bold=True)]
    for each in box.lines:
        lines += [Line(text, _SMALL, colour=_PALE) for text in wrapped(each, _WIDEST, _SMALL)]
    for each in box.counts:
        lines += [Line(text, _TEXT, bold=True, colour="#2b5fb8") for text in wrapped(each, _WIDEST, _TEXT, bold=True)]
    return lines


def _lines_of_label(arrow: Arrow) -> list[Line]:
    colour = _FAILURE if arrow.kind == "failure" else _INK
    return [Line(text, _TEXT, colour=colour) for text in wrapped(arrow.label, _WIDEST_LABEL, _TEXT)]


def _notes(graph: Graph) -> Iterator[Line]:
    for note in graph.notes:
        yield from (Line(text, _TEXT, colour=_PALE) for text in wrapped(note, _WIDEST_HEAD, _TEXT))


def _size(lines: Sequence[Line], across: float, down: float) -> Size:
    """The size of a block of lines with room around it; nothing where there are none."""
    if not lines:
        return Size(0, 0)
    return Size(
        ceil(max(line.width for line in lines) + 2 * across), ceil(fsum(line.height for line in lines) + 2 * down)
    )


def _block(lines: Sequence[Line], x: float, y: float) -> Iterator[str]:
    for line in lines:
        yield _text(line, x, y, "middle")
        y += line.height


def _text(line: Line, x: float, y: float, anchor: str) -> str:
    weight = ' font-weight="bold"' if line.bold else ""
    return (
        f'<text x="{_number(x)}" y="{_number(y + line.size)}" font-size="{line.size:g}" fill="{line.colour}" '
        f'text-anchor="{anchor}"{weight}>{escape(line.text)}</text>'
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Straight from the first to the second point of a pair, a curve to the next pair."""
    (x, y), *rest = points
    parts = [f"M{_number(x)} {_number(y)}"]
    for turn, (to_x, to_y) in enumerate(rest):
        if turn % 2 == 0 or x == to_x:
            parts.append(f"L{_number(to_x)} {_number(to_y)}")
        else:
            middle = (y + to_y) / 2
            parts.append(
                f"C{_number(x)} {_number(middle)} {_number(to_x)} {_number(middle)} {_number(to_x)} {_number(to_y)}"
            )
        x, y = to_x, to_y
    return "".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
