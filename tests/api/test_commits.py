"""A commit that fails is never answered as a success (D2).

The failure comes from the database itself, at the commit: by a trigger that is
deferred to it.
"""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text

from api.storage.database import SessionFactory, create_engine, create_session_factory
from api.tables import Rating
from tests.conftest import create_database

pytestmark = pytest.mark.anyio

# The connection is gone between flush and commit; the disk is full at the commit.
FAILURES = {
    "connection killed": "PERFORM pg_terminate_backend(pg_backend_pid())",
    "disk full": "RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'",
}


@pytest.fixture(params=FAILURES)
async def sessions(
    request, settings, server, template
) -> AsyncIterator[SessionFactory]:
    url = create_database(server, "cinefold_commits", template=template)
    engine = create_engine(settings, url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {FAILURES[request.param]}; RETURN NULL; END $$"
        )
    yield create_session_factory(engine)
    await engine.dispose()


async def let_commits_fail(sessions: SessionFactory, *, table: str) -> None:
    async with sessions() as session:
        await session.execute(
            text(
                f"CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON {table} "
                "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()"
            )
        )
        await session.commit()


async def test_a_rating_whose_commit_fails_is_503_and_not_stored(alice, sessions):
    await let_commits_fail(sessions, table="ratings")

    reply = await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 4})

    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "5"
    assert reply.headers["content-type"] == "application/problem+json"
    async with sessions() as session:
        query = select(Rating).where(Rating.user_id == alice.user_id)
        assert (await session.execute(query)).first() is None
    assert (await alice.get("/me")).status_code == 200


async def test_a_training_whose_commit_fails_is_503_and_not_queued(join, sessions):
    admin = await join("root", is_admin=True)
    await let_commits_fail(sessions, table="training_runs")

    reply = await admin.post("/training-runs")

    assert reply.status_code == 503
    assert (await admin.get("/training-runs")).json()["items"] == []
