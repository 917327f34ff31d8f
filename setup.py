"""What pyproject.toml cannot say: whole folders of data, which a wheel puts under share/regulars of its environment."""

from pathlib import Path

from setuptools import setup

# What `engine/shipped.py` finds there; a folder that is added to one of these goes along by itself.
FOLDERS = ("rules", "schemas", "examples", "tools/temporal")


def data_files() -> list[tuple[str, list[str]]]:
    """Each folder with its files, as setuptools takes them."""
    files: dict[Path, list[str]] = {}
    for folder in FOLDERS:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                files.setdefault(path.parent, []).append(path.as_posix())
    return [(f"share/regulars/{parent.as_posix()}", paths) for parent, paths in files.items()]


setup(data_files=data_files())
