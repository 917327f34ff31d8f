"""Where journeys under way stand, as Temporal lists them: by their search attributes, without asking any of them.

A journey shows the step at which it waits. One that is at work shows the step where it waited last; when an edit
reaches it, it looks for itself.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from engine.dispatch.dispatcher import PLAYBOOK, STEP, VERSION

_PAGE = 1000


@dataclass(frozen=True, order=True)
class Standing:
    """Journeys of a playbook that go by one version and are shown at one step."""

    playbook: str
    version: str
    step: str


Positions = Mapping[Standing, int]


async def live_positions(client: Client, playbooks: Iterable[str]) -> Positions:
    """How many journeys of these playbooks stand where."""
    found: Counter[Standing] = Counter()
    for playbook in playbooks:
        query = f"ExecutionStatus = 'Running' AND {PLAYBOOK.name} = '{playbook}'"
        async for execution in client.list_workflows(query, page_size=_PAGE):
            attributes = execution.typed_search_attributes
            found[Standing(playbook, attributes.get(VERSION) or "", attributes.get(STEP) or "")] += 1
    return found


def read_positions(playbooks: Iterable[str]) -> Positions:
    """The same for a command, at the server that the environment names.

    Raises:
        RuntimeError: it cannot be reached.
    """

    async def read() -> Positions:
        client = await Client.connect(**ClientConfig.load_client_connect_config())
        return await live_positions(client, playbooks)

    return asyncio.run(read())
