"""Histories as files: of any machine, without the names of the one that they were recorded on."""

import json
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

HISTORIES = Path(__file__).parent / "histories"


def write(file: Path, history: WorkflowHistory) -> None:
    """Saves a history."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(portable(history.to_json_dict()), indent=1, ensure_ascii=False)
    file.write_text(text + "\n")


def read(name: str) -> WorkflowHistory:
    """A saved history by its name: that of its file below `histories`, without the ending."""
    text = (HISTORIES / f"{name}.json").read_text()
    return WorkflowHistory.from_json(_workflow_id(name), text)


def _workflow_id(name: str) -> str:
    if is_campaign(name):
        return "campaign/winter"
    return "edits/payment-reminder/1" if is_edit(name) else f"payment-reminder/{name.replace('/', '-')}/1"


def is_campaign(name: str) -> bool:
    """Whether a history is of a campaign, and of no journey."""
    return Path(name).name.startswith("campaign-")


def is_edit(name: str) -> bool:
    """Whether a history is of the workflow that carries out an edit, and of no journey."""
    return Path(name).name.startswith("edit-of-")


def names() -> list[str]:
    """All that are saved: those of today's scenes first, then those of each released version."""
    found = (file.relative_to(HISTORIES).with_suffix("") for file in HISTORIES.rglob("*.json"))
    return [str(name) for name in sorted(found, key=lambda name: (len(name.parts), name))]


def portable(part: Any) -> Any:
    """Without what names the machine: its host, its processes, its paths."""
    match part:
        case {"kind": "TASK_QUEUE_KIND_STICKY"}:
            return {**part, "name": "sticky"}
        case dict():
            kept = {name: portable(value) for name, value in part.items() if name != "stackTrace"}
            return {**kept, "identity": "recorder"} if "identity" in kept else kept
        case list():
            return [portable(each) for each in part]
        case _:
            return part
