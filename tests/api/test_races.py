"""Requests that meet: every outcome is that of some order of them (C1, C2, C3, C5).

On a database of their own, with real connections and real commits.
`CONSISTENCY_ROUNDS` is how often eight clients together rate one movie; 10,000 take two
minutes.
"""

import asyncio
import itertools
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import ratings as rating_queries
from api.queries import training as training_queries
from api.services.training import LOST_AFTER, MAX_QUEUED, fail_lost_runs
from api.storage.database import SessionFactory, create_engine, create_session_factory
from api.tables import (
    Movie,
    MovieStatistics,
    Rating,
    SignInFailure,
    TrainingRun,
    User,
)
from tests.conftest import PASSWORD, Client, create_database

MOVIE = 1
N_CLIENTS = 8
N_ROUNDS = int(os.environ.get("CONSISTENCY_ROUNDS", "160"))
# A rating, or to take it back.
CHOICES: tuple[float | None, ...] = (None, *(step / 2 for step in range(1, 11)))
STEPS = ("read", "write", "commit")
# A step that takes longer waits for the other writer's commit.
BLOCKED_SECONDS = 0.02

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 + N_ROUNDS)]

Step: TypeAlias = Callable[[], Awaitable[None]]


@pytest.fixture(scope="module")
def races_url(server, template) -> str:
    return create_database(server, "cinefold_races", template=template)


@pytest.fixture
async def sessions(settings, races_url) -> AsyncIterator[SessionFactory]:
    engine = create_engine(settings, races_url)
    yield create_session_factory(engine)
    await engine.dispose()


@pytest.fixture
async def newcomer(sessions) -> AsyncIterator[int]:
    """A user nobody else acts for; gone afterwards, as what they left."""
    async with sessions() as session:
        user = User()
        session.add(user)
        await session.commit()
        user_id = user.id
    yield user_id
    async with sessions() as session:
        await session.execute(delete(User).where(User.id == user_id))
        await session.commit()


@pytest.fixture
async def person(join, sessions) -> AsyncIterator[Client]:
    """Somebody signed in, gone afterwards."""
    client = await join("racer")
    yield client
    async with sessions() as session:
        await session.execute(delete(User).where(User.id == client.user_id))
        await session.commit()


class Writer:
    """One of two sessions that rate the same movie, a step at a time."""

    def __init__(self, session: AsyncSession, user_id: int, value: float) -> None:
        self.session = session
        self.user_id = user_id
        self.value = value
        self.seen: float | None = None
        self.last: asyncio.Task[None] | None = None

    async def take(self, step: str, commits: list[float]) -> None:
        """Begin a step once the one before has ended; do not wait for ever."""
        self.last = asyncio.create_task(self._after(self.last, step, commits))
        await asyncio.wait({self.last}, timeout=BLOCKED_SECONDS)

    async def _after(
        self, previous: asyncio.Task[None] | None, step: str, commits: list[float]
    ) -> None:
        if previous is not None:
            await previous
        if step == "read":
            found = await rating_queries.values_of(self.session, self.user_id, [MOVIE])
            self.seen = found.get(MOVIE)
        elif step == "write":
            await rating_queries.upsert(
                self.session, user_id=self.user_id, movie_id=MOVIE, value=self.value
            )
        else:
            await self.session.commit()
            commits.append(self.value)


def interleavings() -> list[tuple[int, ...]]:
    """List the orders in which two writers can take their steps."""
    n = len(STEPS)
    firsts = itertools.combinations(range(2 * n), n)
    return [tuple(int(i not in first) for i in range(2 * n)) for first in firsts]


@pytest.mark.parametrize("before", [None, 3.0], ids=["new", "rated before"])
async def test_of_two_writers_the_last_to_commit_wins_in_every_order(
    sessions, newcomer, before
):
    orders = interleavings()
    assert len(orders) == 20

    for order in orders:
        await reset(sessions, newcomer, before)
        commits: list[float] = []
        async with sessions() as one, sessions() as other:
            writers = Writer(one, newcomer, 1.0), Writer(other, newcomer, 5.0)
            taken = [0, 0]
            for index in order:
                await writers[index].take(STEPS[taken[index]], commits)
                taken[index] += 1
            for writer in writers:
                assert writer.last is not None
                await writer.last

        assert sorted(commits) == [1.0, 5.0]
        assert {writer.seen for writer in writers} <= {before, 1.0, 5.0}
        assert await values(sessions, newcomer) == commits[-1:], order


async def reset(sessions: SessionFactory, user_id: int, value: float | None) -> None:
    async with sessions() as session:
        await session.execute(delete(Rating).where(Rating.user_id == user_id))
        if value is not None:
            session.add(Rating(user_id=user_id, movie_id=MOVIE, value=value))
        await session.commit()


async def values(sessions: SessionFactory, user_id: int) -> list[float]:
    """Read all that is stored of a user's rating."""
    async with sessions() as session:
        query = select(Rating.value).where(
            Rating.user_id == user_id, Rating.movie_id == MOVIE
        )
        return list(await session.scalars(query))


async def together(*calls: Awaitable[int]) -> Sequence[int]:
    """Make requests at once and return their statuses."""
    return await asyncio.gather(*calls)


async def test_of_many_writers_one_who_was_not_overtaken_wins(person, sessions):
    rounds: list[tuple[float, float, float | None]] = []
    pick = random.Random(1)

    async def write_for_a_while() -> None:
        for _ in range(N_ROUNDS // N_CLIENTS):
            value = pick.choice(CHOICES)
            began = time.perf_counter()
            assert await put(person, value) in {200, 204, 404}
            rounds.append((began, time.perf_counter(), value))

    await asyncio.gather(*(write_for_a_while() for _ in range(N_CLIENTS)))

    last_start = max(began for began, _, _ in rounds)
    could_win = {value for _, ended, value in rounds if ended >= last_start}
    stored = await values(sessions, person.user_id)
    assert len(rounds) == N_ROUNDS // N_CLIENTS * N_CLIENTS
    assert next(iter(stored), None) in could_win
    assert len(stored) <= 1
    await assert_counted(sessions)


async def put(client: Client, value: float | None) -> int:
    """Rate, or take the rating back; return the status."""
    path = f"/ratings/{client.user_id}/{MOVIE}"
    if value is None:
        return (await client.delete(path)).status_code
    return (await client.put(path, json={"value": value})).status_code


async def assert_counted(sessions: SessionFactory) -> None:
    """Assert that the statistics are those of the ratings there are."""
    async with sessions() as session:
        counted = select(func.count(), func.sum(Rating.value * 2)).where(
            Rating.movie_id == MOVIE
        )
        kept = select(MovieStatistics.n_ratings, MovieStatistics.half_stars_sum).where(
            MovieStatistics.movie_id == MOVIE
        )
        assert tuple((await session.execute(kept)).one()) == tuple(
            (await session.execute(counted)).one()
        )


async def test_rating_and_taking_back_together_end_as_one_after_the_other(
    person, sessions
):
    for _ in range(10):
        rated, taken_back = await together(put(person, 4.0), put(person, None))

        stored = await values(sessions, person.user_id)
        assert rated == 200
        assert taken_back in {204, 404}
        assert stored in ([], [4.0])
        assert taken_back == 204 or stored == [4.0]
        await put(person, None)
    await assert_counted(sessions)


async def test_rating_a_movie_that_goes_leaves_no_orphan(person, sessions):
    movie_id = 2_000_000

    async def rate() -> int:
        path = f"/ratings/{person.user_id}/{movie_id}"
        reply = await person.put(path, json={"value": 4})
        return int(reply.status_code)

    async def remove() -> int:
        async with sessions() as session:
            await session.execute(delete(Movie).where(Movie.id == movie_id))
            await session.commit()
        return 204

    seen = set()
    for _ in range(10):
        async with sessions() as session:
            session.add(Movie(id=movie_id, title="Ephemera", year=2020, genres=[]))
            await session.commit()

        status, _ = await together(rate(), remove())

        seen.add(status)
        async with sessions() as session:
            orphans = select(func.count()).where(Rating.movie_id == movie_id)
            assert await session.scalar(orphans.select_from(Rating)) == 0
    assert seen <= {200, 404}


async def test_rating_while_the_account_goes_leaves_no_row(join, sessions):
    for n in range(4):
        client = await join(f"leaver {n}")

        async def leave(client: Client = client) -> int:
            body = {"password": PASSWORD}
            return (await client.post("/me/deletion", json=body)).status_code

        # Several, for the deletion verifies the password first, and that takes longer.
        *rated, left = await together(*(put(client, 4.0) for _ in range(6)), leave())

        assert left == 204
        assert set(rated) <= {200, 401, 404}
        assert await values(sessions, client.user_id) == []
    await assert_counted(sessions)


async def test_of_changes_to_one_version_of_an_experiment_one_is_made(join):
    admin = await join("planner", is_admin=True)
    variants = [{"name": name, "weight": 0.5, "model_id": 1} for name in "AB"]
    plan = {"name": "0", "hypothesis": "One wins", "minimum_effect": 0.1}
    created = await admin.post("/experiments", json={**plan, "variants": variants})
    assert created.status_code == 201, created.text
    url = created.headers["location"]

    async def change(name: str, etag: str) -> int:
        headers = {"if-match": etag}
        reply = await admin.patch(url, json={"name": name}, headers=headers)
        return int(reply.status_code)

    for _ in range(5):
        etag = (await admin.get(url)).headers["etag"]
        statuses = await together(*(change(str(n), etag) for n in range(4)))

        assert sorted(statuses) == [200] + [412] * 3
        winner = str(statuses.index(200))
        assert (await admin.get(url)).json()["name"] == winner


@pytest.mark.parametrize("n_clients", [2, 12])
async def test_trainings_requested_at_once_run_one_by_one(join, sessions, n_clients):
    admin = await join(f"trainer {n_clients}", is_admin=True)

    async def request() -> int:
        return int((await admin.post("/training-runs")).status_code)

    async def claim() -> int | None:
        async with sessions() as session:
            run_id = await training_queries.claim_run(session)
            await session.commit()
        return run_id

    for _ in range(50):
        statuses = await together(*(request() for _ in range(n_clients)))
        claims = await asyncio.gather(*(claim() for _ in range(4)))

        n_queued = min(n_clients, MAX_QUEUED)
        assert sorted(statuses) == [202] * n_queued + [429] * (n_clients - n_queued)
        assert len([run_id for run_id in claims if run_id is not None]) == 1
        async with sessions() as session:
            running = select(func.count()).where(TrainingRun.status == "running")
            assert await session.scalar(running) == 1
            await session.execute(delete(TrainingRun))
            await session.commit()


async def test_a_lost_run_is_found_by_one_process(sessions):
    async def reap() -> list[int]:
        async with sessions() as session:
            return await fail_lost_runs(session)

    for _ in range(5):
        async with sessions() as session:
            await training_queries.add_run(session)
            run_id = await training_queries.claim_run(session)
            silent = func.now() - 2 * LOST_AFTER
            await session.execute(update(TrainingRun).values(heartbeat_at=silent))
            await session.commit()

        found = await asyncio.gather(*(reap() for _ in range(4)))

        assert sorted(found) == [[], [], [], [run_id]]
        async with sessions() as session:
            await session.execute(delete(TrainingRun))
            await session.commit()


async def test_of_twenty_who_register_a_name_at_once_one_gets_it(app, sessions):
    async def register(n: int) -> int:
        body = {"username": "Twin" if n % 2 else "twin", "password": PASSWORD}
        async with Client(app, address=f"10.0.0.{n}") as client:
            return (await client.post("/auth/register", json=body)).status_code

    statuses = await together(*(register(n) for n in range(20)))

    assert sorted(statuses) == [201] + [409] * 19
    async with sessions() as session:
        named = select(func.count()).where(func.lower(User.username) == "twin")
        assert await session.scalar(named) == 1


async def test_many_guesses_at_once_are_no_more_than_one_by_one(person, sessions):
    """Forty wrong passwords at the same time: ten are checked, as many as allowed."""
    wrong = {"username": "racer", "password": "wrong-pass-word"}

    replies = await asyncio.gather(
        *(person.post("/auth/session", json=wrong) for _ in range(40))
    )

    async with sessions() as session:
        made = delete(SignInFailure).where(SignInFailure.username == "racer")
        n_kept = len((await session.scalars(made.returning(SignInFailure.id))).all())
        await session.commit()
    statuses = sorted(reply.status_code for reply in replies)
    assert statuses == [401] * 10 + [429] * 30
    assert n_kept == 10


async def test_writers_whose_old_and_new_ratings_cross_do_not_deadlock(sessions, users):
    """Each has rated one of two movies; both now send both, again and again."""
    one, two = users
    movies = (MOVIE, MOVIE + 1)
    for _ in range(20):
        async with sessions() as session:
            await session.execute(delete(Rating).where(Rating.user_id.in_(users)))
            await rating_queries.upsert_many(
                session, [(one, movies[0], 4.0, None), (two, movies[1], 4.0, None)]
            )
            await session.commit()

        async def send(user_id: int) -> None:
            async with sessions() as session:
                rows = [(user_id, movie_id, 3.0, None) for movie_id in movies]
                await rating_queries.upsert_many(session, rows)
                await session.commit()

        await asyncio.gather(send(one), send(two))


@pytest.fixture
async def users(sessions) -> AsyncIterator[list[int]]:
    """Two users without credentials, gone afterwards."""
    async with sessions() as session:
        made = [User(), User()]
        session.add_all(made)
        await session.flush()
        ids = [user.id for user in made]
        await session.commit()
    yield ids
    async with sessions() as session:
        await session.execute(delete(User).where(User.id.in_(ids)))
        await session.commit()
