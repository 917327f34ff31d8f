"""The engine running in this process against the real servers, and what can be seen of it from outside."""

import asyncio
import base64
import inspect
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from activities.context import wall_clock
from activities.providers.mailbox import Mailbox
from activities.providers.provider import Provider
from engine.composition import connect, context, journey_worker
from engine.dispatch.dispatcher import Dispatcher
from engine.own import OwnActivity
from tests.workflows.shop import Shop

CLOSED = {WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.FAILED}


async def until(
    condition: Callable[[], Any | Awaitable[Any]], what: str, seconds: float = 30.0, pause: float = 0.05
) -> Any:
    """Returns what the condition gives as soon as that is true; fails the test if it takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        await asyncio.sleep(pause)


@dataclass
class Running:
    """A worker and a dispatcher at work for one shop."""

    client: Client
    shop: Shop
    dispatcher: Dispatcher
    campaign: str | None = None
    """The workflow id, where it is a campaign, or the workflow of an edit, that is looked at."""
    run: str | None = None
    """The run that is looked at, of a journey that has continued as new; by default the latest."""

    def handle(self, number: str = "N-1001") -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(self.shop.journey(number)["workflow_id"])

    async def finished(self, number: str = "N-1001", seconds: float = 30.0) -> str:
        """Waits for the journey's workflow to close and gives its result."""
        workflow_id = self.shop.journey(number)["workflow_id"]
        await until(lambda: self.closed(workflow_id), f"the end of {workflow_id}", seconds)
        return str(await self.client.get_workflow_handle(workflow_id).result())

    async def closed(self, workflow_id: str) -> bool:
        return await status(self.client, workflow_id) in CLOSED

    async def history(self, number: str = "N-1001") -> WorkflowHistory:
        workflow_id = self.campaign or self.shop.journey(number)["workflow_id"]
        return await self.client.get_workflow_handle(workflow_id, run_id=self.run).fetch_history()

    async def details(self, number: str = "N-1001") -> str:
        """The current details, as the Temporal UI shows them."""
        found = await self.handle(number).query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        return found.current_details


async def status(client: Client, workflow_id: str) -> WorkflowExecutionStatus | None:
    """The status of a workflow; none where there is no such workflow."""
    try:
        return (await client.get_workflow_handle(workflow_id).describe()).status
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


@asynccontextmanager
async def engine(
    shop: Shop,
    namespace: str,
    providers: Provider | Mapping[str, Provider],
    *,
    now: Callable[[], datetime] = wall_clock,
    dispatching: bool = True,
    own: Mapping[str, OwnActivity] | None = None,
) -> AsyncIterator[Running]:
    """Runs a worker and a dispatcher; of a single provider every channel of the policy is made."""
    client = await connect(namespace)
    channels = providers if isinstance(providers, Mapping) else dict.fromkeys(shop.rules.policy.channels, providers)
    shared = replace(context(shop.pool, shop.rules, channels, shop.versions, own=own), now=now)
    dispatcher = Dispatcher(client, shop.pool, shop.versions)
    stop = asyncio.Event()
    async with journey_worker(client, shared, graceful_shutdown_timeout=timedelta(seconds=5)):
        work = asyncio.create_task(dispatcher.run(stop, pause=0.05)) if dispatching else None
        try:
            yield Running(client, shop, dispatcher)
        finally:
            stop.set()
            if work is not None:
                await work


def mails(box: Mailbox | Path) -> list[EmailMessage]:
    """What lies in a mailbox."""
    directory = box if isinstance(box, Path) else box.directory
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(directory.glob("*.eml"))]  # type: ignore[arg-type]  # the policy makes EmailMessage of it


def events(history: WorkflowHistory) -> list[str]:
    """The names of a history's events, such as ACTIVITY_TASK_SCHEDULED, in order."""
    return [str(event["eventType"]).removeprefix("EVENT_TYPE_") for event in history.to_json_dict()["events"]]


async def timeline(client: Client, workflow_id: str) -> str:
    """What has happened to a journey and when, and what it waits for: for whoever reads why a test failed."""
    handle = client.get_workflow_handle(workflow_id)
    lines = [
        f"{event.event_time.ToDatetime():%H:%M:%S.%f} {EventType.Name(event.event_type)}"
        for event in (await handle.fetch_history()).events
    ]
    pending = (await handle.describe()).raw_description
    return "\n".join([*lines, str(pending.pending_activities), str(pending.pending_workflow_task)])


def summaries(history: WorkflowHistory) -> list[tuple[str, str]]:
    """What the Temporal UI shows beside timers and activities, in order."""
    return [
        (str(event["eventType"]).removeprefix("EVENT_TYPE_"), json.loads(_decoded(event["userMetadata"]["summary"])))
        for event in history.to_json_dict()["events"]
        if "summary" in event.get("userMetadata", {})
    ][1:]


def words(history: WorkflowHistory) -> str:
    """Everything a history holds as one text, payloads decoded."""
    return json.dumps(_readable(history.to_json_dict()), ensure_ascii=False)


def _readable(part: Any) -> Any:
    match part:
        case {"metadata": _, "data": str()}:
            return _decoded(part)
        case dict():
            return {name: _readable(value) for name, value in part.items()}
        case list():
            return [_readable(value) for value in part]
        case _:
            return part


def _decoded(payload: dict[str, Any]) -> str:
    return base64.b64decode(payload["data"]).decode()
