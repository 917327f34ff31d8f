"""How wide a text is, without a font: by the widths of DejaVu Sans, wider than what browsers have in its place.

Boxes are made for that, so a text fits its box whichever of the named fonts a reader has.
"""

import unicodedata

FONTS = "Arial, Helvetica, 'Liberation Sans', 'DejaVu Sans', sans-serif"
BOLD = 1.14
"""How much wider bold letters are."""

# Widths in hundredths of the font's size.
_WIDTHS = {
    28: "'ijl", 30: "IJ", 32: " ,.·", 34: "/:;\\|", 36: "f", 37: "-", 40: "()[]t", 41: "!", 42: "r", 46: '"', 50: "*_`",
    53: "sz", 54: "?", 55: "c", 56: "L", 58: "Fk", 60: "vxy", 61: "P", 62: "TYaeo", 64: "$0123456789ESbdghnpqu{}€",
    66: "K", 69: "ABVXZ", 70: "CR", 74: "U", 75: "N", 76: "H", 78: "&DG", 79: "OQ", 82: "w", 84: "#+<=>^~", 87: "M",
    96: "%", 98: "m", 99: "W", 100: "@…—",
}  # fmt: skip
_OF = {character: width for width, characters in _WIDTHS.items() for character in characters}
_OTHER = 90
"""Of any other letter: hardly one is wider."""
_BREAKS = ".-_/:"
"""After these a word may be broken that is too long for a line."""


def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line, in the unit of the font's size."""
    return sum(map(_width, text)) * size / 100 * (BOLD if bold else 1)


def _width(character: str) -> int:
    if character in _OF:
        return _OF[character]
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return 100
    base = unicodedata.normalize("NFD", character)[0]
    return _OF.get(base, _OTHER)


def wrapped(text: str, widest: float, size: float, *, bold: bool = False) -> list[str]:
    """The text in lines that are no wider, broken between words, and within a word only where it alone is too wide."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width(longer, size, bold=bold) <= widest:
            line = longer
            continue
        lines += [line] if line else []
        *full, line = _pieces(word, widest, size, bold=bold)
        lines += full
    return [*lines, line] if line else lines


def _pieces(word: str, widest: float, size: float, *, bold: bool) -> list[str]:
    """A word in pieces that fit, broken after a mark where there is one."""
    pieces: list[str] = []
    while width(word, size, bold=bold) > widest:
        fitting = next(n for n in range(len(word), 0, -1) if n == 1 or width(word[:n], size, bold=bold) <= widest)
        marks = [n + 1 for n in range(fitting) if word[n] in _BREAKS]
        cut = marks[-1] if marks else fitting
        pieces.append(word[:cut])
        word = word[cut:]
        if not word:
            return pieces
    return [*pieces, word]
