"""No request leaves for the inside of the house, however its address is written, unless the operator named it."""

import ssl
from ipaddress import ip_address

import httpx
import pytest

from activities.providers.addresses import AddressGuard, Blocked, Unresolved, is_public, literal
from activities.providers.http_exchange import Exchange
from activities.providers.provider import Retryable
from activities.providers.settings import ProviderSettingError
from tests.activities.providers.http_servers import Says, Service, serving

CLOSED = AddressGuard()
TLS = ssl.create_default_context()


def guard(allowed: str) -> AddressGuard:
    return AddressGuard.from_environment({"REGULARS_ALLOWED_ADDRESSES": allowed})


def always(*addresses: str):
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:a00:1", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:db8::1", "100::1",
    ],
)  # fmt: skip
def test_an_address_of_the_inside_is_not_public(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "localhost", "LocalHost", "0", "[::]",
    ],
)  # fmt: skip
async def test_loopback_is_blocked_in_every_spelling(host):
    with pytest.raises(Blocked):
        await CLOSED.addresses(host.strip("[]"), 80)


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "[fd00:ec2::254]", "10.0.0.1"])
async def test_the_metadata_service_of_a_cloud_is_blocked(host):
    with pytest.raises(Blocked, match="REGULARS_ALLOWED_ADDRESSES"):
        await CLOSED.addresses(host.strip("[]"), 80)


async def test_a_name_with_one_private_address_among_public_ones_is_blocked():
    with pytest.raises(Blocked):
        await CLOSED.addresses("shop.example", 443, always("8.8.8.8", "10.0.0.1"))
    assert await CLOSED.addresses("shop.example", 443, always("8.8.8.8")) == ["8.8.8.8"]


async def test_a_name_without_an_address_is_told_from_a_blocked_one():
    with pytest.raises(Unresolved):
        await CLOSED.addresses("nowhere.invalid", 443)
    with pytest.raises(Unresolved):
        await CLOSED.addresses("a" * 70 + ".example", 443)


@pytest.mark.parametrize(
    ("allowed", "host", "address", "port", "may"),
    [
        ("127.0.0.1:8080", "127.0.0.1", "127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "127.0.0.1", "127.0.0.1", 8081, False),
        ("127.0.0.1", "localhost", "127.0.0.1", 1, True),
        ("127.0.0.1", "localhost", "::1", 1, False),
        ("localhost", "LocalHost.", "::1", 1, True),
        ("sms.internal", "other.internal", "10.0.0.1", 1, False),
        ("sms.internal:443", "sms.internal", "10.0.0.1", 443, True),
        ("10.20.0.0/16", "x", "10.20.3.4", 1, True),
        ("10.20.0.0/16", "x", "10.21.3.4", 1, False),
        ("10.20.0.0/16:443", "x", "10.20.3.4", 443, True),
        ("[::1]:8080", "x", "::1", 8080, True),
        ("::1", "x", "::1", 8080, True),
        ("10.0.0.1", "x", "::ffff:10.0.0.1", 1, True),
        (" a.b , 10.0.0.1 ,", "x", "10.0.0.1", 1, True),
        ("", "x", "10.0.0.1", 1, False),
    ],
)
def test_the_operator_names_what_may_be_asked(allowed, host, address, port, may):
    assert guard(allowed).permits(host, ip_address(address), port) is may


@pytest.mark.parametrize("allowed", ["10.0.0.1:0", "10.0.0.1:http", "a b", "http://10.0.0.1", "10.0.0.1/33", "*"])
def test_an_entry_that_cannot_be_read_is_told(allowed):
    with pytest.raises(ProviderSettingError) as caught:
        guard(allowed)
    assert caught.value.code == "allowed-address-wrong"


def test_a_host_written_as_a_number_is_an_address():
    assert str(literal("0x7f.1")) == "127.0.0.1"
    assert literal("shop.example") is None
    assert literal("7shop.example") is None


async def test_the_connection_goes_to_the_address_that_was_looked_at_and_the_name_is_not_asked_again():
    asked = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with serving(Service([Says(204)])) as service:
        exchange = Exchange(guard("shop.example"), 5, TLS, rebinding)
        reply = await exchange.post(httpx.URL(f"http://shop.example:{service.port}/hook"), b"{}", {})
    assert reply.status == 204
    assert asked == ["shop.example"]
    assert service.told[0].headers["host"] == f"shop.example:{service.port}"


async def test_a_name_that_comes_to_mean_the_inside_is_asked_nothing():
    async with serving(Service()) as service:
        exchange = Exchange(CLOSED, 5, TLS, always("127.0.0.1"))
        with pytest.raises(Retryable) as caught:
            await exchange.post(httpx.URL(f"http://shop.example:{service.port}/"), b"{}", {})
    assert caught.value.reason == "address_blocked"
    assert service.told == []


async def test_the_next_address_of_a_name_is_tried_if_the_first_cannot_be_reached():
    async with serving(Service([Says(204)])) as service:
        exchange = Exchange(guard("127.0.0.0/8"), 5, TLS, always("127.0.0.9", "127.0.0.1"))
        reply = await exchange.post(httpx.URL(f"http://shop.example:{service.port}/"), b"{}", {})
    assert reply.status == 204
    assert len(service.told) == 1


async def test_no_proxy_of_the_environment_gets_between(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with serving(Service([Says(204)])) as service:
        exchange = Exchange(guard("127.0.0.1"), 5, TLS)
        assert (await exchange.post(httpx.URL(service.url), b"{}", {})).status == 204
