"""Waits until a namespace that was just registered or changed takes journeys.

Temporal's services learn of namespaces and search attributes by reading them again every two seconds, each by itself.
The frontend can be asked. The history service cannot, short of a workflow that would stand in the operators' list, so
it is given one more interval; if it needs longer, Temporal repeats the journey's task.
"""

import asyncio
import time
from collections.abc import Sequence

from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

# How a service answers that has not heard of it yet.
_NOT_YET = (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.UNAVAILABLE)
_REFRESH = 2.0


async def can_be_queried(client: Client, namespace: str, name: str) -> bool:
    """Whether the namespace knows a search attribute; everybody who may list workflows may ask this."""
    request = ListWorkflowExecutionsRequest(namespace=namespace, query=f"{name} = 'none'", page_size=1)
    try:
        await client.workflow_service.list_workflow_executions(request)
    except RPCError as error:
        if error.status != RPCStatusCode.INVALID_ARGUMENT:
            raise
        return False
    return True


async def until_usable(client: Client, namespace: str, keywords: Sequence[str], seconds: float = 60.0) -> None:
    """Returns when journeys with these keywords can be started in the namespace.

    Raises:
        RPCError: the namespace is not usable after that many seconds.
    """
    query = " and ".join(f"{keyword} = 'none'" for keyword in keywords)
    request = ListWorkflowExecutionsRequest(namespace=namespace, query=query, page_size=1)
    deadline = time.monotonic() + seconds
    while True:
        try:
            await client.workflow_service.list_workflow_executions(request)
        except RPCError as error:
            if error.status not in _NOT_YET or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            break
    await asyncio.sleep(_REFRESH)
