"""Inputs by kind, each told by its number alone: input 17 of a kind is the same text in every run."""

import json
import random
from collections.abc import Callable, Mapping

from tests.language.fuzzing import HOSTILE, KEYS, PLACES, RULE_FILES, SHIPPED, WORDS, placed
from tests.language.shop import SHOP

Files = dict[str, str]
_BESIDE = {other: SHIPPED[other] for other in ("policy.yaml", "tests/attributes.yaml")}
_LINES = 40
"""Most lines of a shipped file that an input takes: a slip is as wrong in a short file."""


def _part(chance: random.Random) -> tuple[str, list[str]]:
    """The head of a shipped file and some entries that follow one another; a playbook as a whole."""
    path = chance.choice(RULE_FILES)
    lines = [line for line in SHIPPED[path].splitlines() if line.strip() and not line.lstrip().startswith("#")]
    entries = [place for place, line in enumerate(lines) if line[:2] == "  " and line[2:3] not in (" ", "-", "")]
    if path.startswith("playbooks/") or not entries:
        return path, lines
    start = chance.choice(entries)
    return path, [*lines[: entries[0]], *lines[start : start + _LINES]]


def slips(chance: random.Random) -> Files:
    """Pieces put in, taken out and replaced anywhere."""
    path, lines = _part(chance)
    text = "\n".join(lines)
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(text))
        end = min(len(text), start + chance.choice([0, 0, 0, 1, 2, 5, 20, 200]))
        piece = chance.choice(["", chance.choice(WORDS), chance.choice(text.split() or [""])])
        text = text[:start] + piece + text[end:]
    return {**_BESIDE, path: text}


def disorder(chance: random.Random) -> Files:
    """Lines dropped, doubled, moved, indented and outdented."""
    path, lines = _part(chance)
    for _ in range(chance.randint(1, 6)):
        index = chance.randrange(len(lines))
        line = lines.pop(index)
        match chance.randrange(5):
            case 0:
                lines = lines or [""]
            case 1:
                lines[index:index] = [line, line]
            case 2:
                lines.insert(index, f"  {line}")
            case 3:
                lines.insert(index, line[1:])
            case _:
                lines.insert(chance.randint(0, len(lines)), line)
    return {**_BESIDE, path: "\n".join(lines)}


def anchors(chance: random.Random) -> Files:
    """Anchors, aliases, tags and merge keys, which rules do not have."""
    path, lines = _part(chance)
    for _ in range(chance.randint(1, 4)):
        index = chance.randrange(len(lines))
        key, colon, rest = lines[index].partition(":")
        piece = chance.choice([" &a", " *a", " !!str", " !x", " &a *a", " !!python/object:os.system", " {<<: *a}"])
        lines[index] = f"{key}{colon}{piece}{rest}"
    return {**_BESIDE, path: "\n".join(lines)}


def nesting(chance: random.Random) -> Files:
    """Hundreds and thousands of levels, closed or not."""
    opening, closing = chance.choice(
        [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("{not: ", "}"), ("[{all: ", "}]")]
    )
    depth = chance.choice([20, 100, 101, 500, 4000])
    text = opening * depth + chance.choice(["", "x", "{country: DE}"]) + closing * chance.choice([0, depth, depth + 1])
    return {
        **_BESIDE,
        chance.choice(RULE_FILES): chance.choice(["", "tags: ", "segments: {a: {title: A, when: "]) + text,
    }


def megabytes(chance: random.Random) -> Files:
    """Scalars, keys, lists and blocks of about a million characters."""
    size = chance.randint(900_000, 1_100_000)
    text = chance.choice(
        [
            "a: " + "x" * size,
            "x" * size + ": a",
            f"policy: {{zone: {'é' * (size // 2)}}}",
            "a: |\n" + "  long\n" * (size // 7),
            "a: '" + "''" * (size // 2) + "'",
            "segments: {a: {title: " + "9" * size + "}}",
        ]
    )
    return {**_BESIDE, chance.choice(RULE_FILES): text}


def nul(chance: random.Random) -> Files:
    """NUL and other characters that YAML does not have."""
    return _with(chance, ["\x00", "\x07", "\x1b", "\x7f", "\ud800", "\udcff", "\ufffe", "\x85", "\u2028"])


def bom(chance: random.Random) -> Files:
    """Byte order marks, at the beginning and inside."""
    files = _with(chance, ["\ufeff"])
    return {
        path: "\ufeff" * chance.randint(0, 2) + text if path not in _BESIDE else text for path, text in files.items()
    }


def _with(chance: random.Random, pieces: list[str]) -> Files:
    path, lines = _part(chance)
    text = "\n".join(lines)
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(text))
        text = text[:at] + chance.choice(pieces) + text[at:]
    return {**_BESIDE, path: text}


def encodings(chance: random.Random) -> Files:
    """UTF-16, UTF-32 and others, with their marks and without, as bytes that are read as UTF-8."""
    path, lines = _part(chance)
    encoding = chance.choice(
        ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp1252", "shift_jis", "utf-7"]
    )
    data = "\n".join(lines).encode(encoding, "replace")
    return {path: data[: chance.choice([len(data), len(data) - 1])].decode("utf-8", "surrogateescape")}


def values(chance: random.Random) -> Files:
    """Any value at any place of the language."""
    text = json.dumps(_value(chance, 4))
    return {**SHOP, "playbooks/tried.yaml": placed(text, chance.choice(PLACES))}


def _value(chance: random.Random, deepest: int) -> object:
    kind = chance.randrange(8 if deepest else 5)
    match kind:
        case 0:
            return chance.choice([None, True, False])
        case 1:
            return chance.choice([0, 1, -1, 90, 10**19, -(10**19)])
        case 2:
            return "".join(chr(chance.randrange(32, 0x2FF)) for _ in range(chance.randrange(8)))
        case 3 | 4:
            return chance.choice([word.strip() for word in WORDS if word.isprintable()])
        case 5:
            return [_value(chance, deepest - 1) for _ in range(chance.randrange(4))]
        case _:
            return {chance.choice(KEYS): _value(chance, deepest - 1) for _ in range(chance.randrange(5))}


def texts(chance: random.Random) -> Files:
    """Any text, made of pieces that mean something to YAML and of any characters."""
    pieces = [chance.choice(WORDS) if chance.random() < 0.7 else chr(chance.randrange(0x10FFFF)) for _ in range(60)]
    return {chance.choice(["policy.yaml", "attributes.yaml", "playbooks/a.yaml", "x.yaml"]): "".join(pieces)}


def octets(chance: random.Random) -> Files:
    """Any bytes."""
    data = chance.randbytes(chance.randrange(300))
    return {chance.choice(["policy.yaml", "templates/a.en.txt"]): data.decode("utf-8", "surrogateescape")}


def hostile(chance: random.Random) -> Files:
    """Texts that are known to break loaders of YAML."""
    return {**_BESIDE, chance.choice(RULE_FILES): chance.choice(HOSTILE)}


KINDS: Mapping[str, tuple[Callable[[random.Random], Files], int]] = {
    "shipped files with slips": (slips, 6000),
    "shipped files with lines in disorder": (disorder, 3000),
    "anchors, aliases and tags": (anchors, 1500),
    "deep nesting": (nesting, 600),
    "megabyte scalars": (megabytes, 100),
    "NUL and other characters that YAML has not": (nul, 1500),
    "byte order marks": (bom, 500),
    "UTF-16 and other encodings": (encodings, 1500),
    "any value at any place": (values, 2500),
    "any text": (texts, 2500),
    "any bytes": (octets, 1500),
    "known to break loaders": (hostile, 100),
}
"""Each kind, and how many inputs of it a run tries."""


def made(kind: str, number: int) -> Files:
    """One input: the same in every run."""
    return KINDS[kind][0](random.Random(f"{kind} {number}"))
