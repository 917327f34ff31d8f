"""Operations names every field that a log line may have."""

from engine.logs import FIELDS
from tests.docs.pages import ROOT


def test_every_field_of_a_log_line_is_in_operations() -> None:
    page = (ROOT / "docs/operations.md").read_text().split("\n### Logs\n", 1)[1].split("\n## ", 1)[0]
    assert [name for name in ("at", "level", "part", "event", *FIELDS) if f"`{name}`" not in page] == []
