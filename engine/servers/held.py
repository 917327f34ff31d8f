"""The servers that this process uses; it may be the last to do so."""

import atexit

from engine.servers.lease import Lease

_leases: list[Lease] = []


def hold(lease: Lease) -> None:
    """Keeps a server in use until this process ends, by `leave` or in the ordinary way."""
    if not _leases:
        atexit.register(release_all)
    _leases.append(lease)


def release_all() -> None:
    """Ends the use of all servers held."""
    while _leases:
        _leases.pop().release()
