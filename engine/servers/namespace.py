"""Prepares a Temporal namespace for journeys: retention, and the search attributes that journeys carry.

Search attributes must be registered before the first journey is started: Temporal refuses a start with an unknown one.
"""

import asyncio
import sys
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.envconfig import ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

from engine.servers.errors import SetupError
from engine.servers.journey_attributes import SEARCH_ATTRIBUTES
from engine.servers.leave import leave
from engine.servers.namespace_probe import can_be_queried, until_usable
from engine.servers.progress import say

RETENTION = timedelta(days=30)
"""How long Temporal keeps a finished journey's history and its id's guard against a second start."""


# How a service answers whose administration is somebody else's.
_NOT_OURS_TO_ASK = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED)


class NamespaceError(SetupError):
    """The namespace is not as journeys need it, and the cluster does not let us change it."""


async def prepare_namespace(
    config: ClientConnectConfig,
    namespace: str,
    *,
    create: bool = True,
    retention: timedelta = RETENTION,
) -> None:
    """Makes a namespace ready for journeys and returns when it can be used; repeating it changes nothing.

    Args:
        config: how to connect, as `temporalio.envconfig` gives it.
        namespace: the namespace; its name replaces that of the configuration.
        create: whether to register the namespace if it is absent, and to raise a shorter retention.
        retention: at least this long, where we may set it.

    Raises:
        NamespaceError: the cluster refused; the hint holds the command for those who may.
    """
    connect = config.copy()
    connect["namespace"] = namespace
    client = await Client.connect(**connect)
    new = await _ensure_namespace(client, namespace, retention) if create else False
    if new:
        await _until_known(client, namespace)
    if await _ensure_search_attributes(client, namespace) or new:
        await until_usable(client, namespace, SEARCH_ATTRIBUTES)


async def missing_search_attributes(client: Client, namespace: str) -> list[str]:
    """The search attributes that journeys need and the namespace does not have as keywords."""
    try:
        found = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))
    except RPCError as error:
        if error.status not in _NOT_OURS_TO_ASK:
            raise
        return [name for name in SEARCH_ATTRIBUTES if not await can_be_queried(client, namespace, name)]
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    return [name for name in SEARCH_ATTRIBUTES if found.custom_attributes.get(name) != keyword]


def command(names: list[str], namespace: str, address: str) -> str:
    """The command that registers search attributes, for somebody with the right to do so."""
    words = " ".join(f"--name {name} --type Keyword" for name in names)
    return f"temporal operator search-attribute create --address {address} --namespace {namespace} {words}"


async def _ensure_namespace(client: Client, namespace: str, retention: timedelta) -> bool:
    """Returns whether the namespace is new, so that Temporal's services may not know it yet."""
    service, wanted = client.workflow_service, Duration(seconds=int(retention.total_seconds()))
    try:
        found = await service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        await _register(client, namespace, wanted)
        return True
    if found.config.workflow_execution_retention_ttl.seconds >= wanted.seconds:
        return False
    update = UpdateNamespaceRequest(
        namespace=namespace, config=NamespaceConfig(workflow_execution_retention_ttl=wanted)
    )
    try:
        await service.update_namespace(update)
    except RPCError as error:
        # Not in the way of journeys: what must never be sent twice is guarded in PostgreSQL.
        say(
            f"namespace {namespace} keeps histories for less than {retention.days} days, "
            f"and we may not change it: {error}"
        )
    return False


async def _register(client: Client, namespace: str, retention: Duration) -> None:
    request = RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=retention)
    try:
        await client.workflow_service.register_namespace(request)
    except RPCError as error:
        if error.status == RPCStatusCode.ALREADY_EXISTS:  # another one was first
            return
        hint = f"temporal operator namespace create --retention {retention.seconds // 3600}h --namespace {namespace}"
        raise NamespaceError("namespace-refused", f"namespace {namespace}: {error}", hint) from None


async def _ensure_search_attributes(client: Client, namespace: str) -> bool:
    missing = list(SEARCH_ATTRIBUTES)
    try:
        missing = await missing_search_attributes(client, namespace)
        if missing:
            keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
            request = AddSearchAttributesRequest(namespace=namespace, search_attributes=dict.fromkeys(missing, keyword))
            await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status == RPCStatusCode.ALREADY_EXISTS:
            return True
        raise NamespaceError(
            "search-attributes-refused",
            f"search attributes {', '.join(missing)} of namespace {namespace}: {error}",
            command(missing, namespace, client.service_client.config.target_host),
        ) from None
    return bool(missing)


async def _until_known(client: Client, namespace: str) -> None:
    # A namespace just registered is unknown to the service of search attributes for a moment.
    for _ in range(100):
        try:
            await missing_search_attributes(client, namespace)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def _prepare_embedded(address: str, namespaces: list[str]) -> None:
    for namespace in namespaces:
        await prepare_namespace(ClientConnectConfig(target_host=address), namespace)


def _main(address: str, *namespaces: str) -> int:
    try:
        asyncio.run(_prepare_embedded(address, list(namespaces)))
    except (RPCError, RuntimeError, SetupError) as error:
        sys.stderr.write(f"{error}\n")
        return SetupError.exit_code
    return 0


if __name__ == "__main__":
    leave(_main(*sys.argv[1:]))
