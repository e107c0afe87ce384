"""Requests that may be repeated: one effect, the same answer."""

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
    """A request by somebody; without a key each repetition acts anew."""

    user_id: int
    key: str | None
    target: str
    body: bytes

    @property
    def hash(self) -> bytes:
        """Tell this request from others."""
        return hashlib.sha256(self.target.encode() + b"\n" + self.body).digest()


async def act_once(
    session: AsyncSession,
    request: Request,
    act: Callable[[], Awaitable[Reply]],
    reply_type: type[Reply],
) -> Reply:
    """Act and commit, or give the reply of the time before.

    The key is taken in the transaction of the act, so a repetition that comes too early
    waits for it, and one whose first time failed acts.
    """
    user_id, key = request.user_id, request.key
    if key is not None and not await queries.claim(
        session, user_id=user_id, key=key, request_hash=request.hash
    ):
        kept = await queries.read(session, user_id=user_id, key=key)
        if kept.request_hash != request.hash:
            message = "This key was used for another request"
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
