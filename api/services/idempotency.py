"""Idempotent requests: a repetition has no effect and gets the same reply."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.fault_points import fault_point
from api.queries import idempotency as queries
from api.schemas.base import Out
from api.web.problems import (
    invalid,
)

Reply = TypeVar("Reply", bound=Out)


@dataclass(frozen=True)
class Request:
    """A request of a user; without a key each repetition acts again."""

    user_id: int
    key: str | None
    target: str
    body: bytes

    @property
    def hash(self) -> bytes:
        """The fingerprint of the request."""
        return hashlib.sha256(self.target.encode() + b"\n" + self.body).digest()


async def act_once(
    session: AsyncSession,
    request: Request,
    act: Callable[[], Awaitable[Reply]],
    reply_type: type[Reply],
) -> Reply:
    """Act and commit, or return the reply of the first time.

    The transaction of the act stores the key, so an early repetition waits for it, and
    a repetition of a failed request acts.
    """
    user_id, key = request.user_id, request.key
    if key is not None and not await queries.claim(
        session, user_id=user_id, key=key, request_hash=request.hash
    ):
        kept = await queries.read(session, user_id=user_id, key=key)
        if kept.request_hash != request.hash:
            message = "This key belongs to another request; use a new key"
            raise invalid("header", "Idempotency-Key", code="reused", message=message)
        return reply_type.model_validate(kept.reply)
    reply = await act()
    if key is not None:
        dump = partial(reply.model_dump, mode="json")
        document = await to_thread.run_sync(dump)  # a report may be long
        await queries.keep(session, user_id=user_id, key=key, reply=document)
    await session.commit()
    fault_point("act committed")
    return reply
