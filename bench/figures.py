"""Figures of a bench, each with its bound: a table for people, JSON lines for whatever compares runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".regulars" / "bench"


@dataclass(frozen=True)
class Figure:
    """One measured number and the greatest or the least that it may be; without either it is only told."""

    figure: str
    value: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def bound(self) -> float | None:
        """The bound, if there is one."""
        return self.at_least if self.at_most is None else self.at_most

    @property
    def holds(self) -> bool:
        """Whether the value is within its bounds."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


def show(name: str, figures: Sequence[Figure]) -> int:
    """Prints the figures, keeps them in `.regulars/bench/NAME.jsonl`, and gives the exit code: 1 if one fails."""
    BENCH.mkdir(parents=True, exist_ok=True)
    with (BENCH / f"{name}.jsonl").open("w", encoding="utf-8") as file:
        for figure in figures:
            line = {
                "figure": figure.figure,
                "value": figure.value,
                "bound": figure.bound,
                "holds": figure.holds,
            }
            file.write(json.dumps(line) + "\n")
    Console().print(_table(figures))
    return 0 if all(figure.holds for figure in figures) else 1


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("figure", "value", "bound", "holds")
    for figure in figures:
        table.add_row(figure.figure, f"{figure.value:,}", _bound(figure), "yes" if figure.holds else "NO")
    return table


def _bound(figure: Figure) -> str:
    if figure.bound is None:
        return ""
    return f"{'at least' if figure.at_most is None else 'at most'} {figure.bound:,}"
