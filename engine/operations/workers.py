"""The workers that Temporal has heard of lately."""

from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.client import Client

from engine.journeys.wire import JOURNEY_QUEUE


@dataclass(frozen=True)
class Seen:
    """A worker by the name it gives itself, its process and machine, and when it asked for work last."""

    name: str
    at: datetime


async def workers_seen(client: Client) -> list[Seen]:
    """Workers that asked for work in the last minutes, the latest first.

    Raises:
        RPCError: Temporal does not answer.
    """
    last: dict[str, datetime] = {}
    for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY):
        request = DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=JOURNEY_QUEUE), task_queue_type=kind
        )
        for poller in (await client.workflow_service.describe_task_queue(request)).pollers:
            at = poller.last_access_time.ToDatetime(UTC)
            last[poller.identity] = max(at, last.get(poller.identity, at))
    return sorted((Seen(name, at) for name, at in last.items()), key=lambda each: each.at, reverse=True)


async def server_version(client: Client) -> str:
    """Temporal's version."""
    return (await client.workflow_service.get_system_info(GetSystemInfoRequest())).server_version
