"""How long a short message is: in which alphabet it goes, and in how many segments, each of which is paid.

By 3GPP TS 23.038 and 23.040: 160 septets of the GSM 7-bit alphabet fit one segment, or 153 in each of several, whose
headers take the rest; one character outside it makes the whole message UCS-2, with 70 or 67 units of 16 bits. A
character of two units (`€` in one alphabet, most emoji in the other) is never cut in two.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

MAX_SEGMENTS = 10
"""A longer message is a mistake of its template, and most networks take none."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class Length:
    """The length of a short message: septets of `gsm-7` or units of 16 bits of `ucs-2`."""

    encoding: Literal["gsm-7", "ucs-2"]
    units: int
    segments: int


def length(text: str) -> Length:
    """How a text goes over the air."""
    if _BASIC.issuperset(text) or (_BASIC | _EXTENDED).issuperset(text):
        sizes = [2 if character in _EXTENDED else 1 for character in text]
        return Length("gsm-7", sum(sizes), _segments(sizes, 160, 153))
    sizes = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return Length("ucs-2", sum(sizes), _segments(sizes, 70, 67))


def beyond_gsm(text: str) -> str:
    """The characters that the GSM alphabet does not have, each once: any of them makes a text UCS-2."""
    return "".join(dict.fromkeys(each for each in text if each not in _BASIC | _EXTENDED))


def is_e164(number: str) -> bool:
    """Whether a phone number is international: `+`, a country's code, and at most 15 digits in all."""
    return _E164.fullmatch(number) is not None


def _segments(sizes: Iterable[int], alone: int, of_several: int) -> int:
    """Into how many segments characters of these sizes go."""
    sizes = list(sizes)
    if sum(sizes) <= alone:
        return 1
    segments, room = 1, of_several
    for size in sizes:
        if size > room:
            segments, room = segments + 1, of_several
        room -= size
    return segments
