"""Namespaces on a real Temporal server."""

import uuid

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, DeleteNamespaceRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.envconfig import ClientConnectConfig

from engine.servers import namespace
from engine.servers.journey_attributes import SEARCH_ATTRIBUTES
from engine.servers.namespace import NamespaceError, missing_search_attributes, prepare_namespace
from engine.servers.namespace_probe import can_be_queried


@pytest.fixture
async def client(temporal_address: str):
    """A client of a namespace that does not exist yet."""
    client = await Client.connect(temporal_address, namespace=f"shop-{uuid.uuid4().hex[:8]}")
    yield client
    await client.operator_service.delete_namespace(DeleteNamespaceRequest(namespace=client.namespace))


def config(address: str) -> ClientConnectConfig:
    return ClientConnectConfig(target_host=address)


async def test_a_new_namespace_takes_journeys_as_soon_as_it_is_prepared(temporal_address: str, client: Client) -> None:
    await prepare_namespace(config(temporal_address), client.namespace)
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    assert described.config.workflow_execution_retention_ttl.seconds >= 30 * 24 * 3600
    pairs = [SearchAttributePair(SearchAttributeKey.for_keyword(name), "x") for name in SEARCH_ATTRIBUTES]
    handle = await client.start_workflow(
        "any", id="first", task_queue="none", search_attributes=TypedSearchAttributes(pairs)
    )
    found = await handle.describe()
    assert found.typed_search_attributes.get(SearchAttributeKey.for_keyword("Playbook")) == "x"
    await handle.terminate()


async def test_preparing_a_namespace_again_changes_nothing(temporal_address: str, client: Client) -> None:
    await prepare_namespace(config(temporal_address), client.namespace)
    await prepare_namespace(config(temporal_address), client.namespace)
    assert await missing_search_attributes(client, client.namespace) == []


async def test_a_refused_search_attribute_is_told_with_the_command_for_those_who_may(
    temporal_address: str, client: Client
) -> None:
    """The server has room for ten keywords."""
    await prepare_namespace(config(temporal_address), client.namespace)
    other = f"{client.namespace}-full"
    full = await Client.connect(temporal_address, namespace=other)
    await _fill_with_keywords(full)
    with pytest.raises(NamespaceError) as caught:
        await prepare_namespace(config(temporal_address), other)
    assert caught.value.code == "search-attributes-refused"
    assert caught.value.hint == (
        f"temporal operator search-attribute create --address {temporal_address} --namespace {other} "
        "--name Customer --type Keyword --name Playbook --type Keyword --name Version --type Keyword "
        "--name Step --type Keyword"
    )
    await full.operator_service.delete_namespace(DeleteNamespaceRequest(namespace=other))


async def _fill_with_keywords(client: Client) -> None:
    await namespace._register(client, client.namespace, namespace.Duration(seconds=30 * 86400))
    await namespace._until_known(client, client.namespace)
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes={f"Other{number}": keyword for number in range(10)}
        )
    )


async def test_a_search_attribute_can_be_asked_for_without_the_right_to_list_them(
    temporal_address: str, client: Client
) -> None:
    await prepare_namespace(config(temporal_address), client.namespace)
    assert await can_be_queried(client, client.namespace, "Customer")
    assert not await can_be_queried(client, client.namespace, "Unheard")


async def test_a_namespace_that_may_not_be_made_is_not_made(temporal_address: str) -> None:
    with pytest.raises(NamespaceError, match="search-attributes-refused"):
        await prepare_namespace(config(temporal_address), "not-there-at-all", create=False)
