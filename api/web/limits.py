"""Limits for each client on what is costly or open to everybody: token buckets.

A client is a user, or an address where nobody has signed in. Replies name the limit in
the header fields of the IETF draft "RateLimit header fields for HTTP".
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address, ip_network

from fastapi import Request

UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - nothing is bound to it
_MOST_CLIENTS = 20_000  # remembered; the one unseen for longest makes room


@dataclass(frozen=True)
class Limit:
    """So many requests at once, and so many a second after that."""

    name: str
    burst: int
    per_second: float

    @property
    def policy(self) -> str:
        """The limit as `RateLimit-Policy` has it: quota and window."""
        window = math.ceil(self.burst / self.per_second)
        return f'"{self.name}";q={self.burst};w={window}'


COSTLY = Limit("costly", burst=60, per_second=6)
"""Lists and predictions for ratings in the request, and places on maps."""
PROGRAMS = Limit("programs", burst=2000, per_second=200)
"""Beyond the limit of their address, for programs that serve others, by their key."""
REGISTRATION = Limit("registration", burst=60, per_second=0.1)


@dataclass
class Limiter:
    """What each client has left of each limit, in this process."""

    now: Callable[[], float] = time.monotonic
    _left: OrderedDict[tuple[str, str], tuple[float, float]] = field(
        default_factory=OrderedDict
    )

    def take(self, limit: Limit, client: str) -> float:
        """Take one request; return what is left, or minus the seconds to wait."""
        key, now = (limit.name, client), self.now()
        left, since = self._left.pop(key, (float(limit.burst), now))
        left = min(limit.burst, left + (now - since) * limit.per_second)
        taken = left - 1 if left >= 1 else left
        self._left[key] = taken, now
        while len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return taken if left >= 1 else (left - 1) / limit.per_second


def network_of(request: Request) -> str:
    """Return the address that limits count; an IPv6 /64 network is one address."""
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:  # a proxy's own text; all such clients share one limit
        return UNKNOWN_ADDRESS
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), 64), strict=False).network_address)
