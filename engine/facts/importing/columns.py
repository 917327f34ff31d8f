"""A chunk's rows to one relation's columns, column by column, because most values repeat and need reading once."""

import json
from collections.abc import Callable, Mapping, Sequence

from engine.facts.importing.cells import ReadAll, ReadCell, check_text, is_plain, read_all, read_amount, reader
from engine.facts.importing.mapping import Cell, FileModel, Plan, TablePlan, pieces
from engine.facts.importing.refusals import CellError

Texts = Sequence[str]
Values = list[str | None]
Currencies = str | Callable[[Mapping[str, Texts]], Values]
"""One currency for all rows, or what gives each row's."""
_MEMO_LIMIT = 50_000
_NULL = "\\N"


class Faults:
    """The rows of a chunk that cannot be taken, each with its first fault and the file's column it is in.

    Attributes:
        rows: the faulty rows, by their place in the chunk.
        lost: cells that are left unknown in rows that are taken.
        wanted: which rows the relation that is being read takes at all; None: all of them.
    """

    def __init__(self) -> None:
        self.rows: dict[int, tuple[str, CellError]] = {}
        self.lost: list[tuple[int, str, CellError]] = []
        self.wanted: list[bool] | None = None

    def add(self, row: int, column: str, error: CellError) -> None:
        """Notes a fault; a row's first one stays."""
        if self.wanted is not None and not self.wanted[row]:
            return
        if error.loses_row:
            self.rows.setdefault(row, (column, error))
        else:
            self.lost.append((row, column, error))


class _Memo(dict[str, str | None]):
    """Remembers what a text was read as."""

    def __init__(self, read: ReadCell) -> None:
        super().__init__()
        self.read = read

    def __missing__(self, text: str) -> str | None:
        value = self.read(text) if text else None
        if len(self) > _MEMO_LIMIT:
            self.clear()
        self[text] = value
        return value

    def of_all(self, texts: Texts) -> Values:
        """What the texts were read as."""
        return [self[text] for text in texts]


class CellColumn:
    """Reads one cell for all rows of a chunk.

    Args:
        cell: the cell, not a constant.
        table: the relation it belongs to.
        read: what to do with a text.
        read_all: the same for many texts at once, where that is faster than to remember each.
    """

    def __init__(self, cell: Cell, table: str, read: ReadCell, read_all: ReadAll | None = None) -> None:
        self._cell = cell
        self._plain = is_plain(cell, table)
        self._memo = _Memo(read)
        self._read_all = read_all or self._memo.of_all
        self._name = cell.columns[0] if cell.columns else ""

    def values(self, columns: Mapping[str, Texts], faults: Faults) -> Values:
        """The values of the rows; those in `faults` are None."""
        texts = self._texts(columns)
        values: Values
        if self._plain:
            values = [text or None for text in texts]
        else:
            try:
                values = self._read_all(texts)
            except CellError:
                values = [self._one(row, text, faults) for row, text in enumerate(texts)]
        self._check(values, faults)
        return values

    def _texts(self, columns: Mapping[str, Texts]) -> Texts:
        template = self._cell.model.template
        if self._cell.constant is not None:
            # Part of an object: other constants are put in by the database.
            return [self._cell.constant] * len(next(iter(columns.values())))
        if template is None:
            return columns[self._name]
        parts = pieces(template)
        rows = zip(*(columns[name] for name in parts[1::2]), strict=True)
        # A template with an empty part is unknown: half an address is none.
        return [_fill(parts, row) if all(row) else "" for row in rows]

    def _one(self, row: int, text: str, faults: Faults) -> str | None:
        try:
            return self._memo[text]
        except CellError as error:
            faults.add(row, self._name, error)
            return None

    def _check(self, values: Values, faults: Faults) -> None:
        field = self._cell.field
        if field.kind in {"text", "reference"} and _is_doubtful(values, field.length):
            self._check_each(values, faults)
        if field.required and None in values:
            _note_missing(values, field.name, self._name, faults)

    def _check_each(self, values: Values, faults: Faults) -> None:
        for row, value in enumerate(values):
            try:
                check_text(self._cell.field, value or "")
            except CellError as error:
                faults.add(row, self._name, error)


class MoneyColumn:
    """Reads amounts, each in the currency of its row.

    Args:
        cell: the cell.
        decimal: the file's decimal mark.
        currency: one currency for all rows, or the column that holds them.
        default: the shop's currency, for rows that state none.
    """

    def __init__(self, cell: Cell, decimal: str, currency: Currencies, default: str) -> None:
        self._cell = cell
        self._decimal = decimal
        self._currency = currency
        self._default = default
        self._memos: dict[str, _Memo] = {}

    def values(self, columns: Mapping[str, Texts], faults: Faults) -> Values:
        """Minor units of the rows; those in `faults` are None."""
        (name,) = self._cell.columns
        texts = columns[name]
        if isinstance(self._currency, str):
            memo = self._memo(self._currency)
            try:
                values = memo.of_all(texts)
            except CellError:
                values = [self._one(row, name, text, memo, faults) for row, text in enumerate(texts)]
        else:
            currencies = self._currency(columns)
            values = [
                self._one(row, name, text, self._memo(currency or self._default), faults)
                for row, (text, currency) in enumerate(zip(texts, currencies, strict=True))
            ]
        if self._cell.field.required and None in values:
            _note_missing(values, self._cell.field.name, name, faults)
        return values

    def _memo(self, currency: str) -> _Memo:
        if currency not in self._memos:
            self._memos[currency] = _Memo(lambda text: read_amount(text.strip(), currency, self._decimal))
        return self._memos[currency]

    @staticmethod
    def _one(row: int, name: str, text: str, memo: _Memo, faults: Faults) -> str | None:
        try:
            return memo[text]
        except CellError as error:
            faults.add(row, name, error)
            return None


def _is_doubtful(values: Values, length: int | None) -> bool:
    known = list(filter(None, values))
    return "\x00" in "".join(known) or (length is not None and max(map(len, known), default=0) > length)


def _fill(parts: Sequence[str], row: Sequence[str]) -> str:
    filled = list(parts)
    filled[1::2] = row
    return "".join(filled)


def _note_missing(values: Values, field: str, column: str, faults: Faults) -> None:
    for row, value in enumerate(values):
        if value is None:
            faults.add(row, column, CellError("missing-value", f"{field} is needed"))


class JsonColumn:
    """Reads an object, each key from a cell of its own; unknown ones are left out.

    Args:
        cell: the cell with its parts.
        parts: how each part is read.
    """

    def __init__(self, cell: Cell, parts: Sequence[CellColumn]) -> None:
        self._names = [part.field.name for part in cell.parts]
        self._types = [part.model.type for part in cell.parts]
        self._parts = parts

    def values(self, columns: Mapping[str, Texts], faults: Faults) -> Values:
        """The objects as JSON text."""
        rows = zip(*(part.values(columns, faults) for part in self._parts), strict=True)
        return [json.dumps(self._object(row), ensure_ascii=False) for row in rows]

    def _object(self, row: Sequence[str | None]) -> dict[str, object]:
        return {
            name: int(value) if kind == "integer" else value == "true" if kind == "boolean" else value
            for name, kind, value in zip(self._names, self._types, row, strict=True)
            if value is not None
        }


ColumnReader = CellColumn | MoneyColumn | JsonColumn


def column_readers(
    table: TablePlan, file: FileModel, plan: Plan, lookups: Mapping[tuple[str, str, str], dict[str, str]]
) -> list[ColumnReader]:
    """How each staged cell of a relation is read, in their order."""
    readers: list[ColumnReader] = []
    for cell in table.staged:
        if cell.parts:
            readers.append(JsonColumn(cell, [_cell_column(part, table, file, plan, lookups) for part in cell.parts]))
        elif cell.field.kind == "money":
            readers.append(MoneyColumn(cell, file.decimal, _currency(table, file, plan, lookups), plan.shop.currency))
        else:
            readers.append(_cell_column(cell, table, file, plan, lookups))
    return readers


def _currency(
    table: TablePlan, file: FileModel, plan: Plan, lookups: Mapping[tuple[str, str, str], dict[str, str]]
) -> Currencies:
    cell = table.cell("currency")
    if cell is None:
        return plan.shop.currency
    if cell.constant is not None:
        return cell.constant
    column = _cell_column(cell, table, file, plan, lookups)
    # Its faults are those of the currency's own column, which is read too.
    return lambda columns: column.values(columns, Faults())


def _cell_column(
    cell: Cell,
    table: TablePlan,
    file: FileModel,
    plan: Plan,
    lookups: Mapping[tuple[str, str, str], dict[str, str]],
) -> CellColumn:
    join = cell.model.lookup
    # A file that is optional and absent has no rows.
    found = None if join is None else lookups.get((join.file, join.by, join.take), {})
    relation = table.target.name
    return CellColumn(cell, relation, reader(cell, relation, file, plan.shop, found), read_all(cell, plan.shop))


def copy_text(columns: Sequence[Values]) -> bytes:
    """Rows, given as columns, in the text format of COPY."""
    written = [_escaped(column) for column in columns]
    return "".join(f"{line}\n" for line in map("\t".join, zip(*written, strict=True))).encode()


def _escaped(values: Values) -> list[str]:
    joined = "".join(filter(None, values))
    if any(special in joined for special in "\\\n\r\t"):
        return [_NULL if value is None else _escape(value) for value in values]
    return [_NULL if value is None else value for value in values]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
