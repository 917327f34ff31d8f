"""Word lists: what reviews are searched for."""

from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, Sequence, found
from engine.language.standing.models import WordListModel
from engine.language.standing.parts import check_name, empty, holder, part_of
from engine.language.validate import mapping, validate

WORDS_FIELD = "keywords"
"""The field of rows that holds the names of lists of which a text has a word."""


def compile_words(root: Mapping, report: Report) -> dict[str, tuple[Entry, tuple[str, ...] | None]]:
    """Reads all word lists of a file; those with errors have no words."""
    node = holder(root, "words", report, "word lists by name")
    if node is None or empty(node, "words", report):
        return {}
    return {entry.key: (entry, _list(entry, report)) for entry in node}


def _list(entry: Entry, report: Report) -> tuple[str, ...] | None:
    with part_of(report, f"words {entry.key}"):
        before = report.faults
        check_name(entry, report)
        node = mapping(entry.value, report, "a word list: title and words", entry.span)
        model = validate(WordListModel, node, report, at=entry.span) if node else None
        if node:
            _check_words(node, report)
        return tuple(model.words) if model and report.faults == before else None


def _check_words(node: Mapping, report: Report) -> None:
    listed = node.get("words")
    if not isinstance(listed, Sequence):
        return
    if not listed.items:
        report.error("RG211", listed.span, "an empty list", "at least one word")
    seen: set[str] = set()
    for item in listed.items:
        word = " ".join(found(item).split()).casefold()
        if word in seen:
            report.error("RG309", item.span, found(item), "each word once", "case does not matter")
        seen.add(word)


def check_keywords(node: Node, known: frozenset[str], report: Report) -> None:
    """Whether each word list that a condition names is there."""
    if isinstance(node, Sequence):
        for item in node.items:
            check_keywords(item, known, report)
    for entry in node if isinstance(node, Mapping) else ():
        if entry.key == WORDS_FIELD:
            _check_named(entry.value, known, report)
        else:
            check_keywords(entry.value, known, report)


def _check_named(node: Node, known: frozenset[str], report: Report) -> None:
    match node:
        case Scalar(value=str()) if node.text not in known:
            expected = f"a word list: {one_of(sorted(known), 12)}" if known else "a word list: none is declared"
            report.error("RG321", node.span, found(node), expected, did_you_mean(node.text, known))
        case Sequence(items=items):
            for item in items:
                _check_named(item, known, report)
        case Mapping():
            for entry in node:
                _check_named(entry.value, known, report)
        case _:
            pass
