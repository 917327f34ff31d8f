"""Lets go of an earlier run's Temporal namespace."""

from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

_NOTHING_TO_DO = {RPCStatusCode.NOT_FOUND, RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED}


async def discard_namespace(client: Client, namespace: str) -> None:
    """Deletes the namespace with its journeys, where it exists and the cluster lets us."""
    try:
        await client.operator_service.delete_namespace(DeleteNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status not in _NOTHING_TO_DO:
            raise
