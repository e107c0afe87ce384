"""Bodies of the health routes."""

from typing import Literal

from api.schemas.base import Out
from api.schemas.recommendations import ModelReference


class Live(Out):
    """The process answers."""

    status: Literal["live"]


class Ready(Out):
    """The service can do its work; `degraded`: without a model, by popularity."""

    status: Literal["ready"]
    degraded: bool
    model: ModelReference | None
