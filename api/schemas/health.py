"""Bodies of the health routes."""

from typing import Literal

from api.schemas.base import Out
from api.schemas.recommendations import ModelReference


class Live(Out):
    """The process replies."""

    status: Literal["live"]


class Ready(Out):
    """The service works; `degraded`: no model is live, lists show popular movies."""

    status: Literal["ready"]
    degraded: bool
    model: ModelReference | None
