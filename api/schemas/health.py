"""Bodies of the health routes."""

from typing import Literal

from api.schemas.base import Out
from api.schemas.recommendations import ModelReference


class Live(Out):
    """The process replies."""

    status: Literal["live"]


class Ready(Out):
    """The service works; `degraded`: not all of it does, and `reasons` says why.

    Without a model that is live, lists show popular movies.
    """

    status: Literal["ready"]
    degraded: bool
    reasons: list[str]
    model: ModelReference | None
