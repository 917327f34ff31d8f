"""The mapping of an import: what a mapping file says, checked, each part with its place.

The models are the YAML's shape; `Plan` is what they come to once names are known to be right.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from engine.facts.importing.targets import Field as TargetField
from engine.facts.importing.targets import Target
from engine.language.issues import Span
from engine.language.model import Model
from engine.language.values import Currency, Name, Names, Text, Zone

Otherwise = Literal["keep", "empty", "refuse"]
Several = Literal["refuse", "first", "last", "newest_order"]


class ShopModel(Model):
    """Whose data it is. Instants without a zone are in the shop's, amounts without a currency in its currency."""

    key: Name
    name: Text
    zone: Zone
    currency: Currency
    country: Text | None = None


class FileModel(Model):
    """A file of the source, and how it is written."""

    name: Text
    encoding: Text = "utf-8"
    delimiter: Text = ","
    decimal: Literal[".", ","] = "."
    optional: bool = False


class LookupModel(Model):
    """A join: the row of a file whose column `by` has the cell's value gives the value of `take`."""

    file: Text
    by: Text
    take: Text


class RollupModel(Model):
    """A value of an order from its own rows in another relation."""

    of: Literal["payments", "order_lines"]
    sum: Text | None = None
    take: Text | None = None
    largest: Text | None = None


class CellModel(Model):
    """Where one field's value comes from: a column of the file, a constant, or a template."""

    column: Text | None = None
    value: object = None
    template: Text | None = None
    assumed: bool = False
    map: dict[str, object] = Field(default_factory=dict)
    otherwise: Otherwise = "keep"
    case: Literal["lower", "upper", "keep"] = "keep"
    format: Text | None = None
    zone: Zone | None = None
    lookup: LookupModel | None = None
    platform: Text | None = None
    type: Literal["text", "integer", "boolean"] = "text"


class TableModel(Model):
    """How one relation is filled from one file; `columns` are read one by one."""

    file: Text
    columns: dict[str, object]
    where_known: Names = ()
    several: Several = "refuse"
    each: dict[str, object] = Field(default_factory=dict)
    delivered_status: Text | None = None


class MappingModel(Model):
    """A whole mapping file."""

    shop: ShopModel
    files: dict[str, object]
    tables: dict[str, object]


@dataclass(frozen=True, slots=True)
class File:
    """A file of the source as the mapping knows it."""

    alias: str
    model: FileModel
    span: Span


@dataclass(frozen=True, slots=True)
class Cell:
    """One field and where its value comes from; the parts of a JSON object are cells too."""

    field: TargetField
    model: CellModel
    span: Span
    parts: "tuple[Cell, ...]" = ()
    constant: str | None = None
    """The value, where it is the same for every row, as the database takes it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The file's columns it needs."""
        if self.parts:
            return tuple(name for part in self.parts for name in part.columns)
        if self.model.template is not None:
            return tuple(piece for index, piece in enumerate(pieces(self.model.template)) if index % 2)
        return () if self.model.column is None else (self.model.column,)


@dataclass(frozen=True, slots=True)
class Rollup:
    """One field of orders that comes from their payments or lines."""

    field: TargetField
    model: RollupModel


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How one relation is filled."""

    target: Target
    file: str
    cells: tuple[Cell, ...]
    rollups: tuple[Rollup, ...]
    where_known: tuple[str, ...]
    several: Several
    each: dict[str, tuple[str, ...]]
    delivered_status: str | None
    span: Span

    @property
    def staged(self) -> tuple[Cell, ...]:
        """The cells whose values differ from row to row."""
        return tuple(cell for cell in self.cells if cell.constant is None)

    @property
    def constants(self) -> tuple[Cell, ...]:
        """The cells with one value for all rows."""
        return tuple(cell for cell in self.cells if cell.constant is not None)

    @property
    def assumed(self) -> tuple[str, ...]:
        """Names of columns whose value the mapping supplied, sorted."""
        return tuple(sorted(cell.field.column for cell in self.cells if cell.model.assumed))

    def cell(self, name: str) -> Cell | None:
        """The cell of a field."""
        return next((cell for cell in self.cells if cell.field.name == name), None)


@dataclass(frozen=True, slots=True)
class Plan:
    """A mapping that is sound in itself."""

    path: Path
    text: str
    shop: ShopModel
    files: dict[str, File]
    tables: tuple[TablePlan, ...] = field(default=())


def pieces(template: str) -> list[str]:
    """A template cut at its `{{column}}`: text, column, text, column, ..., text."""
    parts: list[str] = []
    rest = template
    while "{{" in rest:
        before, _, after = rest.partition("{{")
        name, closed, rest = after.partition("}}")
        parts += [before, name.strip() if closed else ""]
    return [*parts, rest]


def as_text(value: object) -> str:
    """A YAML value as the text a cell would hold."""
    return str(value).lower() if isinstance(value, bool) else str(value)
