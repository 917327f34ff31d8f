"""What there is of mirrors in a project: for `regulars doctor`."""

from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from engine.mirror.manifest import Manifest, fault_of, read_manifest
from engine.servers.findings import Finding, State

_SUBJECT = "Mirror"
_ANEW = "the next command that reads it builds that again; `regulars doctor --rebuild-mirror` does so now"
_SIZES = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def examine_mirrors(state: Path, now: datetime) -> list[Finding]:
    """One line for each mirror of the project, whose files are read whole.

    Args:
        state: the project's `.regulars`.
        now: the wall clock, aware.
    """
    found = sorted(path for path in (state / "mirror").glob("*") if path.is_dir())
    if not found:
        return [Finding(_SUBJECT, State.OFF, "none yet: the first command that asks about everybody makes it")]
    return [_examine(directory, now) for directory in found]


def _examine(directory: Path, now: datetime) -> Finding:
    name, manifest = unquote(directory.name), read_manifest(directory)
    if manifest is None:
        return Finding(_SUBJECT, State.OFF, f"{name}: there is no manifest that can be read", _ANEW)
    faults = [fault for file in manifest.every_file() if (fault := fault_of(directory, file, whole=True))]
    if faults:
        more = f", and {len(faults) - 1:,} more" if len(faults) > 1 else ""
        return Finding(_SUBJECT, State.WRONG, f"{name}: {faults[0]}{more}", _rebuilt(manifest))
    return Finding(_SUBJECT, State.OK, f"{name}: {_told(manifest, now)}")


def _rebuilt(manifest: Manifest) -> str:
    return f"`regulars doctor --rebuild-mirror`; the mirror is of {manifest.made_at}"


def _told(manifest: Manifest, now: datetime) -> str:
    beside = sum(not part.is_base for part in manifest.parts)
    changed = f"{manifest.customers(base=False):,} changed since in {beside} parts" if beside else "none changed since"
    return (
        f"{_size(manifest.size)}, {manifest.customers(base=True):,} customers, {changed};"
        f" of {_ago(manifest.made_at, now)}, built {_ago(manifest.built_at, now)}, tzdata {manifest.tzdata}"
    )


def _size(size: int) -> str:
    return next((f"{size / unit:,.1f} {name}" for unit, name in _SIZES if size >= unit), f"{size} bytes")


def _ago(made: str, now: datetime) -> str:
    age = now - datetime.fromisoformat(made)
    if age < timedelta(minutes=2):
        return f"{max(0, int(age.total_seconds()))} seconds ago"
    if age < timedelta(hours=2):
        return f"{age // timedelta(minutes=1)} minutes ago"
    if age < timedelta(days=2):
        return f"{age // timedelta(hours=1)} hours ago"
    return f"{age.days} days ago"
