"""Where boxes, labels and arrows stand: in layers from top to bottom, as Sugiyama, Tagawa and Toda have it (1981).

Every second layer is for labels, so a label has a place of its own and lies over nothing. An arrow that passes a layer
has a place there too. Within a layer the order comes from the neighbours' (the barycentre), the distances from least
squares with the least distance kept (isotonic regression, by pooling adjacent violators). In the end what follows
alone upon something else is put straight below it, as far as there is room.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import fsum, inf

GAP, THIN_GAP = 26.0, 18.0
"""Between things that stand beside each other, and between an arrow and its neighbour."""
ABOVE_BOXES, ABOVE_LABELS = 32.0, 22.0
"""Room above a layer, in which arrows bend."""
_SWEEPS, _PLACINGS, _STRAIGHTENINGS = 24, 40, 6
_STRAIGHT = 8
"""How much more an arrow's own line counts than its turn into a box: long arrows are straight."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height, in pixels."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow between two boxes, by their numbers. One that goes `back` is laid out as if it led on."""

    source: int
    target: int
    label: Size = Size(0, 0)
    back: bool = False

    @property
    def down(self) -> tuple[int, int]:
        """The upper box and the lower one."""
        return (self.target, self.source) if self.back else (self.source, self.target)


@dataclass(slots=True)
class Place:
    """Something in a layer: a box, a label, or the passing of an arrow. `x` is its middle, `y` its upper edge."""

    size: Size
    layer: int
    thin: bool = True
    """Whether it is of an arrow."""
    x: float = 0.0
    y: float = 0.0

    @property
    def left(self) -> float:
        """The left edge."""
        return self.x - self.size.width / 2

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.size.width / 2

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.size.height


@dataclass(frozen=True, slots=True)
class Layout:
    """All places, from the upper left corner on.

    Attributes:
        boxes: in the order given.
        chains: for each link the places that it passes, from its upper box to its lower one, both left out.
        labels: for each link the place of its label, one of its chain.
        layers: upper and lower edge of each layer.
        size: of the whole.
    """

    boxes: list[Place]
    chains: list[list[Place]]
    labels: list[Place]
    layers: list[tuple[float, float]]
    size: Size


def lay_out(boxes: Sequence[Size], links: Sequence[Link]) -> Layout:
    """Places boxes and links.

    Args:
        boxes: their sizes; the first is where everything begins.
        links: between them. But for those that go back each leads on to a box that stands later in the list; of two out
            of one box the first stands on the left.
    """
    net = _Net(boxes, links)
    net.order()
    net.place_across()
    net.straighten()
    layers = net.place_down()
    return Layout(net.places[: len(boxes)], net.chains, net.labels, layers, net.at_the_corner(layers))


class _Net:
    """Places and their neighbours, by number: the boxes first, then what arrows pass."""

    def __init__(self, boxes: Sequence[Size], links: Sequence[Link]) -> None:
        ranks = _ranks(len(boxes), links)
        self.places = [Place(size, 2 * rank, thin=False) for size, rank in zip(boxes, ranks, strict=True)]
        self.above: dict[int, list[int]] = defaultdict(list)
        self.below: dict[int, list[int]] = defaultdict(list)
        self.chains: list[list[Place]] = []
        self.labels: list[Place] = []
        for link in links:
            self._chain(link)
        self.layers = self._by_layer()

    def _chain(self, link: Link) -> None:
        upper, lower = link.down
        numbers = []
        for layer in range(self.places[upper].layer + 1, self.places[lower].layer):
            numbers.append(len(self.places))
            self.places.append(Place(Size(0, 0), layer))
        for one, other in pairwise([upper, *numbers, lower]):
            self.below[one].append(other)
            self.above[other].append(one)
        chain = [self.places[number] for number in numbers]
        label = chain[-1] if link.back else chain[0]
        label.size = link.label
        self.chains.append(chain)
        self.labels.append(label)

    def _by_layer(self) -> list[list[int]]:
        """The places of each layer, as one meets them going down and to the left first."""
        layers: list[list[int]] = [[] for _ in range(1 + max(place.layer for place in self.places))]
        met: set[int] = set()
        ahead = [*(number for number in range(len(self.places) - 1, 0, -1) if not self.above[number]), 0]
        while ahead:
            here = ahead.pop()
            if here in met:
                continue
            met.add(here)
            layers[self.places[here].layer].append(here)
            ahead += reversed(self.below[here])
        return layers

    # --- the order within a layer -----------------------------------------------------------------------------------

    def order(self) -> None:
        """Changes the order within layers until as few arrows cross as can be found."""
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(_SWEEPS):
            if fewest == 0:
                break
            down = sweep % 2 == 0
            neighbours = self.above if down else self.below
            for layer in self.layers[1:] if down else self.layers[-2::-1]:
                self._sort(layer, neighbours)
            if (crossings := self._crossings()) < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _sort(self, layer: list[int], neighbours: Mapping[int, list[int]]) -> None:
        at = {number: place for each in self.layers for place, number in enumerate(each)}
        wanted = {
            number: sum(at[other] for other in around) / len(around) if (around := neighbours[number]) else at[number]
            for number in layer
        }
        layer.sort(key=wanted.__getitem__)

    def _crossings(self) -> int:
        at = {number: place for layer in self.layers for place, number in enumerate(layer)}
        crossings = 0
        for layer in self.layers:
            lines = [(at[number], at[other]) for number in layer for other in self.below[number]]
            crossings += sum((one[0] - other[0]) * (one[1] - other[1]) < 0 for one, other in combinations(lines, 2))
        return crossings

    # --- across -----------------------------------------------------------------------------------------------------

    def place_across(self) -> None:
        """Places everything as near to its neighbours as the order and the distances let it."""
        for layer in self.layers:
            self._spread(layer, dict.fromkeys(layer, (0.0, 1.0)))
        for turn in range(_PLACINGS):
            both = turn >= _PLACINGS // 2
            for down in (True, False):
                layers = self.layers if down else self.layers[::-1]
                for layer in layers:
                    self._spread(layer, {number: self._wanted(number, down=down, both=both) for number in layer})

    def _wanted(self, number: int, *, down: bool, both: bool) -> tuple[float, float]:
        """Where a place would stand by its neighbours alone, and how much that counts."""
        around = [*self.above[number], *self.below[number]] if both else (self.above if down else self.below)[number]
        place = self.places[number]
        if not around:
            return place.x, 0.01
        pulls = [_STRAIGHT if place.thin and self.places[other].thin else 1 for other in around]
        total = sum(pulls)
        middle = fsum(pull * self.places[other].x for pull, other in zip(pulls, around, strict=True)) / total
        return middle, total

    def _spread(self, layer: Sequence[int], wanted: Mapping[int, tuple[float, float]]) -> None:
        """The places that differ least, in squares, from those wanted while the order and the distances are kept."""
        offsets = [0.0]
        for before, number in pairwise(layer):
            offsets.append(offsets[-1] + self._apart(before, number))
        pools: list[tuple[float, float, int]] = []
        for number, away in zip(layer, offsets, strict=True):
            at, weight = wanted[number]
            pool = (at - away, weight, 1)
            while pools and pools[-1][0] >= pool[0]:
                other = pools.pop()
                both = other[1] + pool[1]
                pool = ((other[0] * other[1] + pool[0] * pool[1]) / both, both, other[2] + pool[2])
            pools.append(pool)
        found = [at for at, _, many in pools for _ in range(many)]
        for number, at, away in zip(layer, found, offsets, strict=True):
            self.places[number].x = at + away

    def _apart(self, left: int, right: int) -> float:
        """The least distance between the middles of two neighbours."""
        one, other = self.places[left], self.places[right]
        return (one.size.width + other.size.width) / 2 + (THIN_GAP if one.thin or other.thin else GAP)

    def straighten(self) -> None:
        """Puts what follows upon each other in one line straight, piece by piece where not all of it has room."""
        lines = self._lines()
        for _ in range(_STRAIGHTENINGS):
            at = {number: (layer, place) for layer in self.layers for place, number in enumerate(layer)}
            for line in lines:
                self._straighten(line, at)

    def _lines(self) -> list[list[int]]:
        """Places that follow upon each other, from the longest on: arrows, with boxes that have no other there."""
        following = {
            upper: lowers[0]
            for upper, lowers in self.below.items()
            if len(lowers) == 1 and len(self.above[lowers[0]]) == 1
        }
        heads = following.keys() - following.values()
        lines = []
        for head in sorted(heads):
            line = [head]
            while line[-1] in following:
                line.append(following[line[-1]])
            lines.append(line)
        return sorted(lines, key=len, reverse=True)

    def _straighten(self, line: Sequence[int], at: Mapping[int, tuple[list[int], int]]) -> None:
        piece: list[int] = []
        room = (-inf, inf)
        for number in line:
            own = self._room(number, *at[number])
            both = max(room[0], own[0]), min(room[1], own[1])
            if both[0] > both[1]:
                self._align(piece, room)
                piece, both = [], own
            piece.append(number)
            room = both
        self._align(piece, room)

    def _room(self, number: int, layer: list[int], place: int) -> tuple[float, float]:
        """How far a place can go between its neighbours; where it stands it may stay, however numbers are rounded."""
        here, last = self.places[number].x, place == len(layer) - 1
        left = self.places[layer[place - 1]].x + self._apart(layer[place - 1], number) if place else -inf
        right = inf if last else self.places[layer[place + 1]].x - self._apart(number, layer[place + 1])
        return min(left, here), max(right, here)

    def _align(self, piece: Sequence[int], room: tuple[float, float]) -> None:
        middle = fsum(self.places[number].x for number in piece) / len(piece)
        for number in piece:
            self.places[number].x = min(max(middle, room[0]), room[1])

    # --- down -------------------------------------------------------------------------------------------------------

    def place_down(self) -> list[tuple[float, float]]:
        """Places the layers below each other; gives their edges."""
        edges, y = [], 0.0
        for index, layer in enumerate(self.layers):
            y += 0 if index == 0 else ABOVE_LABELS if index % 2 else ABOVE_BOXES
            height = max(self.places[number].size.height for number in layer)
            for number in layer:
                place = self.places[number]
                place.y = y if not place.thin else y + (height - place.size.height) / 2
            edges.append((y, y + height))
            y += height
        return edges

    def at_the_corner(self, layers: Sequence[tuple[float, float]]) -> Size:
        """Moves everything so that the leftmost edge is at 0; gives the size of all."""
        left = min(place.left for place in self.places)
        for place in self.places:
            place.x -= left
        return Size(max(place.right for place in self.places), layers[-1][1])


def _ranks(boxes: int, links: Iterable[Link]) -> list[int]:
    """The longest way to each box."""
    ranks = [0] * boxes
    for upper, lower in sorted(link.down for link in links):
        ranks[lower] = max(ranks[lower], ranks[upper] + 1)
    return ranks
