"""The JSON Schemas of a project, by which editors complete and explain its own names."""

from pathlib import Path

from engine.language.rules import Rules
from engine.language.schema import as_text, project_schemas
from engine.ruletests.schema import schema_of_tests

SCHEMAS = Path("schemas") / "rules"
"""Where a project keeps its schemas; the first line of each file of rules leads there."""


def stale_schemas(root: Path, rules: Rules) -> dict[Path, str]:
    """What is to be written: the texts of schemas that are absent or are not what the rules make of them.

    Raises:
        OSError: one that is there cannot be read.
    """
    texts = {**project_schemas(rules), "test.schema.json": as_text(schema_of_tests(rules))}
    wanted = {root / SCHEMAS / name: text for name, text in texts.items()}
    return {path: text for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text}


def write_schemas(root: Path, rules: Rules) -> list[Path]:
    """Writes the schemas that are stale.

    Returns:
        The files that were written.

    Raises:
        OSError: they cannot be written.
    """
    stale = stale_schemas(root, rules)
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return list(stale)
