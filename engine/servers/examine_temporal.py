"""Examines a Temporal service: reachable, its version, the namespace, its retention and search attributes."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    GetClusterInfoRequest,
)
from temporalio.client import Client
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RPCError

from engine.servers.findings import Finding, State
from engine.servers.namespace import RETENTION, command, missing_search_attributes

_SUBJECT = "Temporal"
_LIMIT = 10.0  # seconds


def examine_temporal(environment: dict[str, str], origin: str) -> list[Finding]:
    """Findings about the service that the environment configures.

    Args:
        environment: what is set besides the process's own environment, for an embedded server.
        origin: where the address comes from, for the reader.
    """
    try:
        with _besides(environment):
            config = ClientConfig.load_client_connect_config()
        return asyncio.run(asyncio.wait_for(_examine(config, origin), _LIMIT))
    except TimeoutError:
        return [_wrong(f"{origin}: no answer within {_LIMIT:.0f} s", "check the address and that the service runs")]
    except (RuntimeError, RPCError) as error:
        return [_wrong(f"{origin}: {error}", "check Temporal's environment configuration and that the service runs")]


async def _examine(config: ClientConnectConfig, origin: str) -> list[Finding]:
    client = await Client.connect(**config)
    namespace, address = client.namespace, client.service_client.config.target_host
    cluster = await client.workflow_service.get_cluster_info(GetClusterInfoRequest())
    found = [Finding(_SUBJECT, State.OK, f"{cluster.server_version}, {origin}, {address}")]
    try:
        described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        hint = f"temporal operator namespace create --address {address} --retention 720h --namespace {namespace}"
        return [*found, _wrong(f"namespace {namespace}: {error.message}", hint)]
    return [*found, _retention(described, namespace, address), await _search_attributes(client, namespace, address)]


def _retention(described: DescribeNamespaceResponse, namespace: str, address: str) -> Finding:
    seconds = described.config.workflow_execution_retention_ttl.seconds
    text = f"namespace {namespace}, retention {seconds // 86400} days"
    if seconds >= RETENTION.total_seconds():
        return Finding(_SUBJECT, State.OK, text)
    hint = f"temporal operator namespace update --address {address} --retention 720h --namespace {namespace}"
    return _wrong(f"{text}, wanted {RETENTION.days}", hint)


async def _search_attributes(client: Client, namespace: str, address: str) -> Finding:
    try:
        missing = await missing_search_attributes(client, namespace)
    except RPCError as error:
        return Finding(_SUBJECT, State.OFF, f"search attributes: we may not ask ({error.message})")
    if missing:
        text = f"search attributes not registered: {', '.join(missing)}"
        return _wrong(text, command(missing, namespace, address))
    return Finding(_SUBJECT, State.OK, "search attributes registered")


def _wrong(text: str, hint: str) -> Finding:
    return Finding(_SUBJECT, State.WRONG, text, hint)


@contextmanager
def _besides(environment: dict[str, str]) -> Iterator[None]:
    before = cast("dict[str, Any]", dict(os.environ))
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
