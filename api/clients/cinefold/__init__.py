"""Cinefold's API for programs, typed by the service's own schemas.

`Cinefold` waits for each reply, `AsyncCinefold` is awaited; `operations` and
`administration` list what both can do. A refusal of the service raises `CinefoldError`;
if no reply comes, an error of httpx passes through.
"""

from api.clients.cinefold.clients import AsyncCinefold, Cinefold
from api.clients.cinefold.requests import CinefoldError

__all__ = ["AsyncCinefold", "Cinefold", "CinefoldError"]
