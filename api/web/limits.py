"""Limits for each client on what is costly or open to everybody: token buckets.

A client is a user, or an address where nobody has signed in. Replies name the limit in
the header fields of the IETF draft "RateLimit header fields for HTTP".
"""

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address, ip_network

from fastapi import Depends, Request, Response

from api.web.problems import TooManyRequests

LIMITED: set[object] = set()
"""The dependencies that count; routes with one can answer 429."""
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


def limited(limit: Limit) -> Callable[[Request, Response], Awaitable[None]]:
    """Make a dependency of routes that counts their requests against a limit."""

    async def count_request(request: Request, response: Response) -> None:
        """Refuse a client that has used up the limit."""
        limiter: Limiter = request.app.state.services.limiter
        left = limiter.take(limit, client_of(request))
        if left < 0:
            seconds = math.ceil(-left)
            raise TooManyRequests(seconds, policy=limit.policy, name=limit.name)
        response.headers["RateLimit-Policy"] = limit.policy
        response.headers["RateLimit"] = f'"{limit.name}";r={int(left)}'

    LIMITED.add(count_request)
    return count_request


def client_of(request: Request) -> str:
    """Name the client: the user if one is known by now, else the address."""
    caller = getattr(request.state, "caller", None)
    if caller is not None:
        return f"user {caller['user_id']}"
    return f"address {network_of(request)}"


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


Costly = Depends(limited(COSTLY))
"""Belongs into `dependencies` of a route whose replies take much computing."""
