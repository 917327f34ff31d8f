"""What an import did, in numbers."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file: its rows, those refused in reading or merging, and rows taken with a cell left unknown."""

    alias: str
    name: str
    rows: int
    refused: int
    lost_cells: int
    refused_file: Path | None = None
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class TableResult:
    """A relation: the rows that came for it, and what became of them.

    `rows` are those a file gave, each as often as the mapping asks; `repeated` named a key that another row of the
    file has. `amount` is the sum of the amounts now known, in whole units, for payments.
    """

    relation: str
    file: str
    rows: int
    new: int
    changed: int
    repeated: int
    refused: int
    amount: Decimal | None = None

    @property
    def unchanged(self) -> int:
        """Rows that said what was known."""
        return self.rows - self.new - self.changed - self.repeated - self.refused


@dataclass(frozen=True, slots=True)
class Dirt:
    """An inconsistency that is kept as told: how often, and what the engine makes of it."""

    what: str
    count: int
    treated: str


@dataclass(frozen=True, slots=True)
class Result:
    """A whole import."""

    digest: str
    shop: str
    currency: str
    dry_run: bool
    files: tuple[FileResult, ...]
    tables: tuple[TableResult, ...]
    dirt: tuple[Dirt, ...]
    orders_changed: int
    seconds: float

    @property
    def refused(self) -> int:
        """Rows that were not taken."""
        return sum(file.refused for file in self.files)
