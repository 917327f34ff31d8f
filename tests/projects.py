"""A project as its user has it: settings, and the files of its rules."""

from collections.abc import Mapping
from pathlib import Path


def write_project(directory: Path, files: Mapping[str, str]) -> Path:
    """Writes a project of these rules, by their paths below `rules`, into the directory, and gives that."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    for path, text in files.items():
        file = directory / "rules" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return directory
