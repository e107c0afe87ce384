"""The pool of connections, and sessions with and without transactions."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from api.settings import Settings
from api.storage.database import (
    create_engine,
    create_session_factory,
)
from api.web.dependencies import autocommit

pytestmark = pytest.mark.anyio


@pytest.fixture
async def own_engine(
    settings: Settings, database_url: str
) -> AsyncIterator[AsyncEngine]:
    """A pool that no other test uses."""
    engine = create_engine(settings, database_url)
    yield engine
    await engine.dispose()


async def backend(session: AsyncSession) -> int:
    """Tell which process of the server answers."""
    return int(await session.scalar(text("SELECT pg_backend_pid()")))


async def test_connections_that_the_server_closed_are_replaced_unnoticed(own_engine):
    sessions = create_session_factory(own_engine)
    async with sessions() as one, sessions() as other, sessions() as third:
        pids = [await backend(session) for session in (one, other, third)][:2]
        await one.rollback()
        await other.rollback()
        end = text("SELECT pg_terminate_backend(:pid, 5000)")
        ended = [await third.scalar(end, {"pid": pid}) for pid in pids]

    async with sessions() as one, sessions() as other, sessions() as third:
        renewed = {await backend(session) for session in (one, other, third)}

    assert ended == [True, True]
    assert len(renewed) == 3
    assert not renewed & set(pids)


async def test_only_with_autocommit_is_each_statement_a_transaction(own_engine):
    transaction = text("SELECT pg_current_xact_id()::text")

    async def two(session: AsyncSession) -> set[str | None]:
        return {await session.scalar(transaction) for _ in range(2)}

    sessions = create_session_factory(own_engine)
    async with sessions() as before:
        assert len(await two(before)) == 1
    async with sessions() as reading:
        await autocommit(reading)
        assert len(await two(reading)) == 2
    async with sessions() as after:  # the same connection
        assert len(await two(after)) == 1
