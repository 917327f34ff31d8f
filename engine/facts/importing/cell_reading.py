"""The `columns:` of one relation, each to a cell or a roll-up, with the mistakes of each at its place."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.facts.importing.cells import read_amount, reader
from engine.facts.importing.mapping import (
    Cell,
    CellModel,
    File,
    FileModel,
    Rollup,
    RollupModel,
    ShopModel,
    as_text,
    pieces,
)
from engine.facts.importing.refusals import CellError
from engine.facts.importing.targets import Field, Target, targets
from engine.language.issues import Report, Span, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Scalar, found
from engine.language.validate import validate

_SOURCES = ("column", "value", "template")


def read_cells(target: Target, columns: Mapping, shop: ShopModel, files: dict[str, File], report: Report) -> list[Cell]:
    """The cells of a relation; roll-ups are left to `read_rollups`."""
    cells = []
    for entry in columns:
        field = target.fields.get(entry.key)
        if field is None:
            report.error(
                "RG303", entry.span, entry.key, one_of(target.fields, 30), did_you_mean(entry.key, target.fields)
            )
        elif field.kind == "json":
            cells.append(_json(field, entry, files, report))
        elif not _is_rollup(entry.value):
            cells.append(_cell(field, target, entry, files, report))
    sound = [cell for cell in cells if cell is not None]
    return [_with_constant(cell, target, sound, shop, report) for cell in sound]


def _with_constant(cell: Cell, target: Target, cells: Sequence[Cell], shop: ShopModel, report: Report) -> Cell:
    """The cell with the value that it has in every row, read like a cell of a file."""
    if cell.parts:
        return replace(cell, parts=tuple(_with_constant(part, target, (), shop, report) for part in cell.parts))
    if cell.model.value is None:
        return cell
    text = as_text(cell.model.value)
    stated = next((each.model for each in cells if each.field.name == "currency"), CellModel(value=shop.currency))
    try:
        if cell.field.kind != "money":
            return replace(cell, constant=reader(cell, target.name, FileModel(name="mapping"), shop, None)(text))
        if stated.value is None:
            report.error(
                "RG604", cell.span, text, "a column", "the same amount in every row needs one currency for all"
            )
            return cell
        return replace(cell, constant=read_amount(text, as_text(stated.value), "."))
    except CellError as error:
        report.error("RG203", cell.span, text, f"a value for {cell.field.name}", str(error))
        return cell


def read_rollups(target: Target, columns: Mapping, report: Report) -> list[Rollup]:
    """The fields of orders that come from their payments or lines."""
    rollups = []
    for entry in columns:
        field = target.fields.get(entry.key)
        if field is None or not _is_rollup(entry.value):
            continue
        model = validate(RollupModel, entry.value, report, entry.span)
        if model is not None and _fits(field, target, model, entry.value.span, report):
            rollups.append(Rollup(field, model))
    return rollups


def _is_rollup(node: Node) -> bool:
    return isinstance(node, Mapping) and "of" in node.keys()  # noqa: SIM118 - a located mapping iterates its entries


def _fits(field: Field, target: Target, model: RollupModel, at: Span, report: Report) -> bool:
    source = targets()[model.of].fields
    names = [name for name in (model.sum, model.take, model.largest) if name is not None]
    unknown = [name for name in names if name not in source]
    if target.name != "orders":
        report.error("RG604", at, "of", "a column of the file", "only orders have values from their own rows")
    elif unknown:
        report.error("RG303", at, unknown[0], one_of(source), did_you_mean(unknown[0], source))
    elif (model.sum is None) == (model.take is None) or (model.take is None) != (model.largest is None):
        report.error("RG210", at, f"of {model.of}", "either sum: FIELD, or take: FIELD with largest: FIELD")
    elif source[model.sum or model.take or ""].kind != field.kind:
        report.error("RG401", at, model.sum or model.take or "", f"a field of the kind {field.kind}")
    else:
        return True
    return False


def _json(field: Field, entry: Entry, files: dict[str, File], report: Report) -> Cell | None:
    """An object: each of its keys is a cell of its own."""
    if not isinstance(entry.value, Mapping) or not entry.value.entries:
        report.error("RG203", entry.value.span, found(entry.value), "a mapping of names to columns")
        return None
    parts = []
    for part in entry.value:
        part_field = Field(part.key, field.column, "text", "text", required=False)
        cell = _cell(part_field, None, part, files, report)
        if cell is not None:
            parts.append(cell)
    return Cell(field, CellModel(), entry.value.span, tuple(parts))


def _cell(field: Field, target: Target | None, entry: Entry, files: dict[str, File], report: Report) -> Cell | None:
    node = entry.value
    if isinstance(node, Scalar):
        if not isinstance(node.value, str):
            hint = f"write {{value: {node.text}}} for the same value in every row" if node.text else ""
            report.error("RG203", node.span if node.text else entry.span, found(node), "the name of a column", hint)
            return None
        return Cell(field, CellModel(column=node.value), node.span)
    before = len(report.issues)
    model = validate(CellModel, node, report, entry.span)
    if model is None:
        return None
    _check_source(model, node.span, report)
    _check_options(field, target, model, node, report)
    if model.lookup is not None and model.lookup.file not in files:
        name = model.lookup.file
        report.error("RG601", node.span, name, one_of(files) + " of files:", did_you_mean(name, files))
    return None if len(report.issues) > before else Cell(field, model, node.span)


def _check_source(model: CellModel, at: Span, report: Report) -> None:
    given = [name for name in _SOURCES if getattr(model, name) is not None]
    if len(given) != 1:
        report.error("RG210", at, " and ".join(given) or "none of them", one_of(_SOURCES))
    columns = pieces(model.template)[1::2] if model.template is not None else ["none"]
    if "" in columns:
        report.error(
            "RG605", at, model.template or "", "{{column}}", "each {{ needs its }} with a column's name between"
        )
    if not columns:
        report.error(
            "RG604", at, model.template or "", "{{column}} in a template", "the same text in every row is a value"
        )


def _is_format(field: Field, form: str) -> bool:
    if field.kind not in {"instant", "date"} or "%" not in form:
        return False
    try:
        datetime.strptime("", form)  # noqa: DTZ007 - only whether the format is one
    except ValueError as error:
        # Of a sound format it says that the empty text does not match.
        return str(error).startswith("time data")
    return True


def _check_options(field: Field, target: Target | None, model: CellModel, node: Node, report: Report) -> None:
    """Options that mean nothing where they stand are mistakes: they would be believed to work."""
    wrong = {
        "assumed": model.assumed and (model.column is not None or target is None or not target.has_assumed),
        "map": bool(model.map) and model.column is None,
        "lookup": model.lookup is not None and model.column is None,
        "format": model.format is not None and not _is_format(field, model.format),
        "zone": model.zone is not None and field.kind != "instant",
        "platform": model.platform is not None and field.refers_to != "customer_identities",
        "type": model.type != "text" and target is not None,
    }
    reasons = {
        "assumed": "only a value or template is assumed, and only where the relation keeps note of it",
        "map": "a map is for a column",
        "lookup": "a lookup is for a column",
        "format": "a format is for instants and dates, and made of Python's codes such as %Y-%m-%d %H:%M",
        "zone": "a zone is for instants",
        "platform": "a platform is for an identity",
        "type": "a type is for the parts of an object; a field has its own",
    }
    for option, is_wrong in wrong.items():
        if is_wrong:
            at = node.entry(option) if isinstance(node, Mapping) else None
            place = at.span if at else node.span
            report.error("RG604", place, f"{option} in {field.name}", f"{field.name} without it", reasons[option])
