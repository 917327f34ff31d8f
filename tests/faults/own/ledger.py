"""Activities of a project's own whose effect is a line in a file, which outlives the worker that wrote it."""

import os
from dataclasses import dataclass
from pathlib import Path

from engine.own import Call, activity


@dataclass(frozen=True)
class Nothing:
    pass


@activity(name="note-keyed", title="Notes the key.", idempotency="keyed", timeout="20s")
async def note_keyed(given: Nothing, call: Call) -> None:
    """Notes the key.

    ```yaml
    call: {id: note, activity: note-keyed}
    ```
    """
    _note(call.key)


@activity(name="note-once", title="Notes the key once.", idempotency="once, in doubt is held", timeout="20s")
async def note_once(given: Nothing, call: Call) -> None:
    """Notes the key once.

    ```yaml
    call: {id: note, activity: note-once}
    ```
    """
    _note(call.key)


def _note(key: str) -> None:
    with Path(os.environ["LEDGER"]).open("a", encoding="utf-8") as ledger:
        ledger.write(f"{key}\n")
