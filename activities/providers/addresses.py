"""Guards the inside of the house: no request leaves for a private address unless the operator named it.

A URL may spell an address in many ways (`127.1`, `0x7f000001`, `[::ffff:10.0.0.1]`, a name that resolves to it), and a
name may resolve to another address when it is asked again. So the name is resolved once, every address that it gave is
looked at as an address, and the connection goes to one of those.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from activities.providers.settings import ProviderSettingError

ALLOWED = "REGULARS_ALLOWED_ADDRESSES"
EXAMPLE = "127.0.0.1:8080,10.20.0.0/16,sms.internal"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


class Blocked(Exception):  # noqa: N818 -- it is what happened; callers say what follows from it
    """The host has an address that nobody named, or cannot be resolved to any; the text names the host alone."""


class Unresolved(Exception):  # noqa: N818 -- likewise
    """The host has no address now."""


@dataclass(frozen=True, slots=True)
class _Named:
    """One entry of the allow list: a host's name or a network, perhaps with a port."""

    host: str | Network
    port: int | None

    def means(self, host: str, address: Address, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if isinstance(self.host, str):
            return self.host == host
        return address.version == self.host.version and address in self.host


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Which addresses may be asked: public ones, and those that the environment names."""

    named: tuple[_Named, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "AddressGuard":
        """Reads `REGULARS_ALLOWED_ADDRESSES`: hosts, addresses and networks, by commas, each perhaps with a port.

        Raises:
            ProviderSettingError: an entry cannot be read.
        """
        entries = (entry.strip() for entry in environment.get(ALLOWED, "").split(","))
        return cls(tuple(_entry(entry) for entry in entries if entry))

    def names(self, host: str, port: int) -> bool:
        """Whether the operator named this host or address itself."""
        address = literal(host)
        return any(
            each.means(folded(host), address, port) if address is not None else each.host == folded(host)
            for each in self.named
            if each.port in {None, port}
        )

    def permits(self, host: str, address: Address, port: int) -> bool:
        """Whether a connection for this host may go to this address."""
        return is_public(address) or any(each.means(folded(host), _inner(address), port) for each in self.named)

    async def addresses(self, host: str, port: int, resolve: "Resolve | None" = None) -> list[str]:
        """The addresses of a host, each of them looked at. Connect to these and resolve no more.

        Raises:
            Blocked: one of them may not be asked.
            Unresolved: there are none now.
        """
        found = await (resolve or resolved)(host, port)
        for text in found:
            if not self.permits(host, ipaddress.ip_address(text.partition("%")[0]), port):
                raise Blocked(f"{host} has a private address that {ALLOWED} does not name")
        return found


async def resolved(host: str, port: int) -> list[str]:
    """The addresses that the system gives for a host.

    Raises:
        Unresolved: it gives none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unresolved(host) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet at large, also one that is packed into another.

    Loopback, private, link-local (with the clouds' metadata services), shared, multicast, documentation and reserved
    addresses do not.
    """
    address = _inner(address)
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_UNICAST and address.is_global
    return address.is_global and not address.is_multicast and not address.is_reserved


def literal(host: str) -> Address | None:
    """The address that a host is written as, in any form that the system reads; None for a name."""
    text = host.strip("[]").partition("%")[0]
    try:
        return _inner(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:  # 127.1, 2130706433, 0x7f000001 and 0177.0.0.1 are the same to the system
        return ipaddress.IPv4Address(socket.inet_aton(text)) if text[:1].isdigit() else None
    except (OSError, UnicodeError):
        return None


def folded(host: str) -> str:
    """A host's name as it is compared."""
    return host.strip("[]").rstrip(".").lower()


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it stands for one."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _entry(text: str) -> _Named:
    host, port = _host_and_port(text)
    try:
        return _Named(ipaddress.ip_network(host, strict=False), port)
    except ValueError:
        pass
    if not host or any(not (part and part.replace("-", "").isalnum()) for part in folded(host).split(".")):
        raise _unreadable(text)
    return _Named(folded(host), port)


def _host_and_port(text: str) -> tuple[str, int | None]:
    """`host:8080`, `[::1]:8080`, and either without a port; a bare IPv6 address has none."""
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")) or text.endswith("]"):
        return text.strip("[]"), None
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise _unreadable(text)
    return host.strip("[]"), int(port)


def _unreadable(text: str) -> ProviderSettingError:
    return ProviderSettingError(
        code="allowed-address-wrong",
        setting=ALLOWED,
        found=f"the entry {text[:40]}",
        expected=f"hosts, addresses or networks by commas, such as {EXAMPLE}",
        hint="write an IPv6 address with a port in brackets: [::1]:8080",
    )
