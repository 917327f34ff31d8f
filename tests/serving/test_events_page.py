"""The page of events shows how they are told over HTTP: its command is run, and the answer is the one it shows."""

import asyncio
import json
import os

import pytest

from tests.docs.pages import ROOT, blocks
from tests.serving.worker import TOKEN, serving_worker
from tests.workflows.fixtures import namespace, namespaces
from tests.workflows.rules import REMIND_AT_ONCE, make_rules
from tests.workflows.shop import Shop

__all__ = ["namespace", "namespaces"]

pytestmark = pytest.mark.timeout(240)  # a process, as slow to start as the machine is busy

SECTION = (ROOT / "docs/events.md").read_text().split("\n## Telling them\n", 1)[1].split("\n## ", 1)[0]


async def test_the_pages_curl_is_answered_as_the_page_says(database, namespace, tmp_path) -> None:
    command, answer = (block.text for block in blocks(SECTION))
    rules = make_rules(REMIND_AT_ONCE)
    shop = Shop(database, rules)
    shop.execute("insert into shops (key, name, zone, currency) values ('sample', 'Sample', 'Europe/Berlin', 'EUR')")
    told = {"REGULARS_DATABASE_URL": shop.url, "TEMPORAL_NAMESPACE": namespace}
    async with serving_worker(tmp_path, rules, **told) as serving:
        script = command.replace("http://127.0.0.1:8234", serving.address)
        assert script != command
        run = await asyncio.create_subprocess_exec(
            "bash", "-c", script, env={**os.environ, "REGULARS_EVENTS_TOKEN": TOKEN}, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await run.communicate()
    assert run.returncode == 0
    assert json.loads(said) == json.loads(answer)
    shop.close()
