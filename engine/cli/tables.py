"""Tables that commands write to files: CSV, in UTF-8, or to standard output."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Writes a table and gives how many rows it has; the file is there only when it is whole.

    Raises:
        typer.BadParameter: the file cannot be written.
    """
    aside = path.with_name(f".{path.name}.part")
    written = 0
    try:
        with aside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in rows:
                writer.writerow(row)
                written += 1
        aside.replace(path)
    except OSError as error:
        raise typer.BadParameter(f"--output: found {path}, which cannot be written: {error.strerror}") from None
    finally:
        aside.unlink(missing_ok=True)
    return written
