"""Finds a Temporal namespace that is still free for a run, and lets go of an earlier run's."""

from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from engine.replay.run import Run, after

_NOTHING_TO_DO = {RPCStatusCode.NOT_FOUND, RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED}


async def first_free(client: Client, run: Run) -> Run:
    """This run or the first one after it whose namespace does not exist: another project may have made some."""
    while await _exists(client, run.namespace):
        run = after(run)
    return run


async def _exists(client: Client, namespace: str) -> bool:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def discard_namespace(client: Client, namespace: str) -> None:
    """Deletes the namespace with its journeys, where it exists and the cluster lets us."""
    try:
        await client.operator_service.delete_namespace(DeleteNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status not in _NOTHING_TO_DO:
            raise
