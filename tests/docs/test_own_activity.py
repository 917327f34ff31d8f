"""The guide to an activity of one's own, followed word by word: its project is checked, and its playbook runs."""

import os
import subprocess
import sys
from pathlib import Path

from engine.composition import own_activities
from engine.language.rules import load_rules
from tests.activities.providers.http_servers import Says, Service, serving
from tests.docs.pages import ROOT, blocks
from tests.replay.scenes import settings
from tests.workflows.fixtures import mailbox, namespace, namespaces, open_shop
from tests.workflows.running import engine, until, words

__all__ = ["mailbox", "namespace", "namespaces", "open_shop"]

PLACES = {
    "Gives loyalty points": "activities/loyalty_points.py",
    "What loyalty-points makes": "activities/test_loyalty_points.py",
    "playbook: reward": "rules/playbooks/reward.yaml",
}
"""Where the guide writes what, by words of it."""


def follow(directory: Path) -> str:
    """Does what the guide says, in its order, and gives what its commands print."""
    place, printed = directory, ""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks((ROOT / "docs" / "own-activity.md").read_text()):
        if block.language in {"python", "yaml"}:
            (file,) = [file for words, file in PLACES.items() if words in block.text[:60]]
            (place / file).write_text(block.text)
            continue
        run = subprocess.run(
            ["bash", "-euc", block.text],
            check=False,
            cwd=place,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        printed += run.stdout
        place = directory / "my-shop"
    return printed


async def test_the_guide_to_an_activity_of_ones_own_does_what_it_says(tmp_path, open_shop, namespace, mailbox):
    printed = follow(tmp_path)
    assert "3 passed" in printed
    assert "loyalty-points: Gives loyalty points. (keyed)" in printed
    assert "- `balance`: integer" in printed
    directory = tmp_path / "my-shop" / "rules"
    shop = open_shop(load_rules(directory))
    async with serving(Service([Says(503), Says(200, b'{"balance": 520520520520}')])) as service:
        with settings(LOYALTY_URL=f"http://127.0.0.1:{service.port}"):
            async with engine(shop, namespace, mailbox, own=own_activities(directory)) as running:
                shop.place(payment_method="card")
                shop.pay()
                handle = running.client.get_workflow_handle("reward/order-1/1")
                await until(lambda: running.closed(handle.id), "the end of the reward")
                text = words(await handle.fetch_history())
    first, second = service.told
    assert first.json == {"customer": "c1", "points": 50}
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert [title for *_, title in shop.tasks()] == ["Say thank you"]
    assert "520520520520" not in text
