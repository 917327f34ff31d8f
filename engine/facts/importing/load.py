"""A mapping file's text to a `Plan`: every mistake at once, each with its place."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from engine.facts.importing.cell_reading import read_cells, read_rollups
from engine.facts.importing.errors import MappingError
from engine.facts.importing.mapping import (
    File,
    FileModel,
    MappingModel,
    Plan,
    ShopModel,
    TableModel,
    TablePlan,
    as_text,
)
from engine.facts.importing.targets import Target, targets
from engine.language.issues import Issue, Report, Span, did_you_mean, one_of
from engine.language.located import Mapping, Node, Scalar, found
from engine.language.located import Sequence as Listed
from engine.language.reader import read
from engine.language.validate import validate


def load(path: Path) -> Plan:
    """Reads a mapping file.

    Raises:
        MappingError: the file cannot be read, or is not a sound mapping.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        reason = error.strerror or "not readable"
        issue = Issue("RG601", str(path), 1, 1, 1, 1, reason, "a mapping file", "--mapping names a YAML file")
        raise MappingError([issue]) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Plan:
    """Reads a mapping from its text.

    Args:
        text: the YAML.
        path: the file's name, for messages.

    Raises:
        MappingError: it is not a sound mapping.
    """
    report = Report(str(path))
    node = read(text, report)
    model = None if node is None else validate(MappingModel, node, report)
    if model is None or not isinstance(node, Mapping):
        raise MappingError(report.issues, text)
    files = _files(node.get("files"), report)
    tables = _tables(node.get("tables"), _Around(model.shop, files), report)
    if report.issues:
        raise MappingError(report.issues, text)
    order = list(targets())
    return Plan(path, text, model.shop, files, tuple(sorted(tables, key=lambda table: order.index(table.target.name))))


@dataclass(frozen=True, slots=True)
class _Around:
    """What the relations of a mapping refer to."""

    shop: ShopModel
    files: dict[str, File]


def _files(node: Node | None, report: Report) -> dict[str, File]:
    files = {}
    for entry in node if isinstance(node, Mapping) else ():
        if isinstance(entry.value, Scalar):
            model: FileModel | None = FileModel(name=entry.value.text)
        else:
            model = validate(FileModel, entry.value, report, entry.span)
        if model is not None and _readable(model, entry.value.span, report):
            files[entry.key] = File(entry.key, model, entry.value.span)
    return files


def _readable(model: FileModel, at: Span, report: Report) -> bool:
    try:
        # Lines are cut before they are decoded, so a line break must be the one byte it is in ASCII.
        usable = "\n".encode(codecs.lookup(model.encoding).name) == b"\n"
    except (LookupError, UnicodeError):
        usable = False
    if not usable:
        hint = did_you_mean(model.encoding, ("utf-8", "latin-1", "cp1252"))
        report.error("RG204", at, model.encoding, "an encoding such as utf-8, latin-1 or cp1252", hint)
    if len(model.delimiter) != 1:
        report.error("RG204", at, model.delimiter, "one character between the columns", 'write delimiter: ";"')
        usable = False
    return usable


def _tables(node: Node | None, around: _Around, report: Report) -> list[TablePlan]:
    tables = []
    for entry in node if isinstance(node, Mapping) else ():
        target = targets().get(entry.key)
        if target is None:
            report.error("RG304", entry.span, entry.key, one_of(targets(), 20), did_you_mean(entry.key, targets()))
            continue
        plan = _table(target, entry.value, entry.span, around, report)
        if plan is not None:
            tables.append(plan)
    return tables


def _table(target: Target, node: Node, at: Span, around: _Around, report: Report) -> TablePlan | None:
    before = len(report.issues)
    model = validate(TableModel, node, report, at)
    columns = node.get("columns") if isinstance(node, Mapping) else None
    if model is None or not isinstance(node, Mapping) or not isinstance(columns, Mapping):
        return None
    if model.file not in around.files:
        file, known = node.get("file") or node, around.files
        report.error("RG601", file.span, model.file, one_of(known) + " of files:", did_you_mean(model.file, known))
    cells = read_cells(target, columns, around.shop, around.files, report)
    rollups = read_rollups(target, columns, report)
    each = _each(target, node.get("each"), report)
    for name in set(each) & set(columns.keys()):
        report.error("RG309", columns.entry(name).span, name, "it either in columns or in each")  # type: ignore[union-attr]  # it is one of its keys
    named = {*(cell.field.name for cell in cells), *(rollup.field.name for rollup in rollups), *each}
    # A field whose cell is wrong was named all the same: one mistake, one issue.
    _check_complete(target, named | set(columns.keys()), at, report)
    _check_rules(target, model, node, report)
    if len(report.issues) > before:
        return None
    return TablePlan(
        target=target,
        file=model.file,
        cells=tuple(cells),
        rollups=tuple(rollups),
        where_known=model.where_known,
        several=model.several,
        each=each,
        delivered_status=model.delivered_status,
        span=at,
    )


def _each(target: Target, node: Node | None, report: Report) -> dict[str, tuple[str, ...]]:
    lists = {}
    for entry in node if isinstance(node, Mapping) else ():
        field = target.fields.get(entry.key)
        if field is None or field.kind != "text" or field.column not in target.key:
            known = [name for name, each in target.fields.items() if each.kind == "text" and each.column in target.key]
            report.error("RG303", entry.span, entry.key, one_of(known), did_you_mean(entry.key, known))
        elif not isinstance(entry.value, Listed) or not entry.value.items:
            report.error("RG203", entry.value.span, found(entry.value), "a list of values")
        else:
            lists[entry.key] = tuple(as_text(item.text) for item in entry.value.items if isinstance(item, Scalar))
    return lists


def _check_complete(target: Target, named: set[str], at: Span, report: Report) -> None:
    needed: dict[str, list[str]] = {}
    for field in target.fields.values():
        if field.required:
            needed.setdefault(field.column, []).append(field.name)
    for names in needed.values():
        if not named & set(names):
            report.error("RG603", at, f"{target.name} without {' or '.join(names)}", f"a column for {names[0]}")
    if {"customer", "identity"} <= named:
        report.error("RG210", at, "customer and identity", "one of customer or identity")


def _check_rules(target: Target, model: TableModel, node: Mapping, report: Report) -> None:
    several, delivered = node.entry("several"), node.entry("delivered_status")
    if several and model.several == "newest_order" and target.name != "customers":
        report.error("RG604", several.span, "newest_order", "refuse, first or last", "only customers have orders")
    if delivered and target.name != "orders":
        report.error("RG604", delivered.span, "delivered_status", "it in orders alone")
