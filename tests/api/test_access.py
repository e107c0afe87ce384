"""Who may call what: every route of the running app against one table."""

import base64
import csv
import os
import re
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from scipy.stats import mannwhitneyu
from sqlalchemy import event, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from api import main
from api.main import create_app
from api.queries.experiments import move
from api.queries.feedback import signing_secret
from api.queries.training import add_run, cancel_run
from api.schemas.experiments import ExperimentIn, VariantIn
from api.services import experiments
from api.services.administration import set_admin
from api.services.auth import IDLE_TIMEOUT
from api.services.signing import SignedList
from api.storage.database import SessionFactory
from api.tables import (
    ApiKey,
    CodeProposal,
    Expectation,
    HiddenMovie,
    Model,
    Rating,
    Session,
    Source,
    User,
)
from api.web.dependencies import Public, require_access_declarations
from tests.conftest import ORIGIN, Client, Join, keyed

pytestmark = pytest.mark.anyio

MOVIE = 1
N_TIMED = 500
NAMES = re.compile(r"user \d+\b")  # as `World.user` calls people
# The callers, in the order of the table's columns. Who is not said to act on another's
# account acts on their own; keys belong to an administrator, so no scope is refused.
CALLERS = (
    "anonymous",
    "user",
    "user on another's",
    "disabled user",
    "expired session",
    "one-time password",
    "admin on another's",
    "key read",
    "key rate",
    "key serve",
    "key admin",
    "key read on another's",
    "key rate on another's",
    "key serve on another's",
    "key admin on another's",
    "demoted admin",
    "key of a demoted admin",
)
FLAGS = {
    "user": {},
    "disabled user": {"is_disabled": True},
    "one-time password": {"must_change_password": True},
}
# 422: let in, and then found to lack a body. 409: let in, but not now.
# Who cannot have a key of their own names one that there is not: 404, even if let in.
# `make access` writes the table anew; what has changed in it is to be meant.
TABLE = Path(__file__).parents[2] / "docs" / "reference" / "access.csv"
with TABLE.open(newline="") as file:
    ACCESS = {row.pop("route"): row for row in csv.DictReader(file)}
BODIES = {
    "PUT /ratings/{user_id}/{movie_id}": {"value": 4},
    "POST /recommendations": {"ratings": []},
    "POST /recommendations/{movie_id}/explanation": {"ratings": []},
    "POST /predictions": {"ratings": []},
    "POST /elicitation": {"ratings": []},
    "POST /code-proposals/{proposal_id}/comments": {"text": "Why?"},
    "PUT /code-proposals/{proposal_id}/decision": {"status": "declined"},
    "POST /code-proposals": {},
    "POST /diagnostics/dummy-user": {"ratings": []},
    "POST /diagnostics/expectations": {
        "name": "another",
        "ratings": [{"movie_id": MOVIE, "value": 5}],
        "expected": [{"movie_id": 2}],
    },
    "POST /users": {},
    "PATCH /users/{user_id}": {},
    "POST /auth/register": {},
    "POST /auth/session": {},
    "PUT /me/password": {},
    "POST /api-keys": {},
    "POST /experiments": {},
    "POST /experiments/power": {},
    "POST /experiments/simulation": {"n_users": 50, "n_experiments": 1, "n_days": 1},
    "PATCH /experiments/{experiment_id}": {},
    "POST /me/deletion": {},
}


@dataclass
class World:
    """Makes callers, and the things they act on."""

    app: FastAPI
    sessions: SessionFactory
    join: Join
    stack: AsyncExitStack
    n_users: int = 0

    async def user(self, **flags: bool) -> Client:
        """Make a signed-in user with a rating and an API key."""
        self.n_users += 1
        client = await self.join(f"user {self.n_users}", **flags)
        async with self.sessions() as session:
            session.add(Rating(user_id=client.user_id, movie_id=MOVIE, value=3))
            session.add(HiddenMovie(user_id=client.user_id, movie_id=MOVIE))
            await session.commit()
        return client

    async def caller(self, name: str) -> tuple[Client, Client]:
        """Return the client of a caller and the user it acts on."""
        kind, _, others = name.partition(" on ")
        client = await self._client(kind)
        if others or kind == "anonymous":
            return client, await self.user()
        return client, client

    async def _client(self, kind: str) -> Client:
        if kind == "anonymous":
            return await self.stack.enter_async_context(Client(self.app))
        if kind == "expired session":
            return await self._expired()
        client = await self.user(**FLAGS.get(kind, {"is_admin": True}))
        if "demoted" in kind:
            return await self._demoted(client, with_key=kind.startswith("key"))
        if not kind.startswith("key "):
            return client
        scope = kind.removeprefix("key ")
        return await self.stack.enter_async_context(keyed(self.app, client, scope))

    async def _demoted(self, client: Client, *, with_key: bool) -> Client:
        if with_key:
            keys = keyed(self.app, client, "admin")
            client = await self.stack.enter_async_context(keys)
        async with self.sessions() as session:
            session.add(User(username="another", password_hash="", is_admin=True))
            user = await session.get_one(User, client.user_id)
            await set_admin(session, username=user.username or "", is_admin=False)
        return client

    async def _expired(self) -> Client:
        client = await self.user()
        async with self.sessions() as session:
            await session.execute(
                update(Session)
                .where(Session.user_id == client.user_id)
                .values(last_seen_at=func.now() - IDLE_TIMEOUT)
            )
            await session.commit()
        return client


@pytest.fixture
async def world(app, sessions, join):
    async with AsyncExitStack() as stack:
        yield World(app, sessions, join, stack)


async def add_code_and_checks(session: AsyncSession) -> tuple[int, int]:
    """Give the model a source, a proposal to change it and an expectation."""
    session.add(Source(sha256="5ha", modules={}))
    await session.flush()
    await session.execute(update(Model).values(source="5ha"))
    proposal = CodeProposal(source="5ha", path="a.py", diff="", comment="Why not?")
    expectation = Expectation(name="none", ratings=[], expected=[])
    expectation.expected = [{"movie_id": MOVIE, "within": 100}]
    session.add_all([proposal, expectation])
    await session.flush()
    return proposal.id, expectation.id


async def key_of(user: Client) -> int:
    """Give a user an API key and return its id, or any id if they cannot have one."""
    reply = await user.post("/api-keys", json={"name": "a key", "scopes": ["read"]})
    return int(reply.json().get("id", 1))


async def start_experiment(session: AsyncSession, *, model_id: int) -> int:
    """Start an experiment of two equal variants and return its id."""
    variants = [VariantIn(name=name, weight=0.5, model_id=model_id) for name in "AB"]
    body = ExperimentIn(
        name="A/A", hypothesis="None", variants=variants, minimum_effect=0.1
    )
    created = await experiments.create(session, body=body)
    await move(session, created.id, before="draft", after="running", stamp="started_at")
    return created.id


async def vote_on_a_list_of(user: Client, session: AsyncSession) -> dict[str, Any]:
    """Write a vote on a list that was made for a user."""
    issued = SignedList(user.user_id, 0, 0, int(time.time()), [MOVIE])
    recommendation_id = issued.signed(await signing_secret(session))
    return {
        "recommendation_id": recommendation_id,
        "movie_id": MOVIE,
        "vote": "like",
    }


async def session_of(session: AsyncSession, user: Client) -> int:
    """Return the id of a user's session."""
    query = select(Session.id).where(Session.user_id == user.user_id)
    return int((await session.execute(query)).scalar_one())


@pytest.fixture
def call_everything(world, session, connection, trained):
    """Return a function that calls each route as one of the callers, and undoes it."""

    async def call(name: str) -> tuple[dict[str, httpx.Response], Client, Client]:
        run_id = await add_run(session)
        experiment_id = await start_experiment(session, model_id=trained.id)
        await cancel_run(session, run_id)  # whose events have an end
        proposal_id, expectation_id = await add_code_and_checks(session)
        client, target = await world.caller(name)
        key_id = await key_of(target)
        await session.commit()
        cookies = httpx.Cookies(client.cookies)
        bodies = BODIES | {"PUT /feedback": await vote_on_a_list_of(target, session)}

        replies = {}
        for route in ACCESS:
            method, template = route.split(" ")
            path = template.format(
                user_id=target.user_id,
                movie_id=MOVIE,
                key_id=key_id,
                run_id=run_id,
                experiment_id=experiment_id,
                session_id=await session_of(session, target),
                model_id=trained.id,
                other_id=trained.id,
                proposal_id=proposal_id,
                expectation_id=expectation_id,
            )
            undo = await connection.begin_nested()
            replies[route] = await client.request(method, path, json=bodies.get(route))
            await undo.rollback()
            client.cookies = cookies
        return replies, client, target

    return call


@pytest.fixture
def secrets_of(session, password_hash):
    """Return a function that lists what clients may not be told, in any writing."""

    async def secrets(*clients: Client) -> set[str]:
        digests = [await signing_secret(session)]
        digests += await session.scalars(select(Session.token_hash))
        digests += await session.scalars(select(ApiKey.key_hash))
        shown = {password_hash}
        for digest in digests:
            shown |= {digest.hex(), base64.b64encode(digest).decode()}
        for client in clients:
            shown |= set(client.cookies.values())
            shown |= set(filter(None, [client.headers.get("authorization")]))
        return shown

    return secrets


def write_column(name: str, found: dict[str, str]) -> None:
    """Write what one caller gets into the table."""
    for route, status in found.items():
        ACCESS[route][name] = status
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["route", *CALLERS], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"route": route, **row} for route, row in ACCESS.items())


@pytest.mark.parametrize("name", CALLERS)
async def test_each_caller_gets_what_the_table_says_and_no_secret(
    call_everything, secrets_of, caplog, name
):
    caplog.set_level("DEBUG")

    replies, client, target = await call_everything(name)

    found = {route: str(reply.status_code) for route, reply in replies.items()}
    if "WRITE_ACCESS" in os.environ:
        write_column(name, found)
    else:
        assert found == {route: row[name] for route, row in ACCESS.items()}
    texts = [f"{reply.headers} {reply.text}" for reply in replies.values()]
    secrets = await secrets_of(client, target)
    assert len(secrets) > 4
    for text in (*texts, caplog.text):
        assert not [secret for secret in secrets if secret in text]
    if name.startswith("user"):  # the rest act for an administrator
        names = {found for text in texts for found in NAMES.findall(text)}
        assert names == {"user 1"}, "whoever calls is made first"


@pytest.mark.parametrize("route", [r for r in ACCESS if "{user_id}" in r])
async def test_nothing_of_another_is_read_before_the_refusal(
    world, connection, trained, session, route
):
    user, other = await world.user(), await world.user()
    experiment_id = await start_experiment(session, model_id=trained.id)
    await session.commit()
    method, template = route.split(" ")
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(f"{arguments[2]} {arguments[3]}")

    event.listen(connection.sync_connection, "before_cursor_execute", note)
    replies = [
        await user.request(
            method,
            template.format(
                user_id=user_id,
                movie_id=MOVIE,
                experiment_id=experiment_id,
                model_id=trained.id,
            ),
            json=BODIES.get(route),
        )
        for user_id in (other.user_id, 2_000_000_000)
    ]
    event.remove(connection.sync_connection, "before_cursor_execute", note)

    assert [reply.status_code for reply in replies] == [404, 404]
    assert without_id(replies[0]) == without_id(replies[1])
    assert any(str(user.user_id) in each or "token_hash" in each for each in asked)
    assert not [each for each in asked if str(other.user_id) in each]


async def test_time_does_not_tell_anothers_account_from_a_missing_one(world):
    user, other = await world.user(), await world.user()
    user.event_hooks = {}  # which take longer than the service
    ids = [other.user_id, 2_000_000_000]
    taken: dict[int, list[float]] = {user_id: [] for user_id in ids}

    for _ in range(N_TIMED):
        for user_id in ids:
            began = time.perf_counter()
            await user.get(f"/ratings/{user_id}")
            taken[user_id].append(time.perf_counter() - began)
        ids.reverse()

    anothers, missing = taken.values()
    # The chance that one takes longer than the other: 1/2 if they do not differ.
    area = mannwhitneyu(anothers, missing).statistic / N_TIMED**2
    assert 0.40 < area < 0.60


def test_the_table_lists_every_route_of_the_app(application):
    routes = {
        f"{method} {route.path}"
        for route in application.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }

    assert routes == set(ACCESS)
    assert all(isinstance(route, APIRoute) for route in application.routes)


def answer() -> None:
    """Do what a route does."""


def test_a_route_that_declares_no_access_stops_the_start(settings, monkeypatch):
    router = APIRouter()
    router.add_api_route("/open-door", answer)
    routers = (*main.ROUTERS, SimpleNamespace(router=router))
    monkeypatch.setattr(main, "ROUTERS", routers)

    with pytest.raises(RuntimeError, match="/open-door"):
        create_app(settings, "postgresql+psycopg://")


def test_a_route_that_declares_access_is_let_start():
    app = FastAPI(openapi_url=None)
    app.add_api_route("/front-door", answer, dependencies=[Public])

    require_access_declarations(app)

    assert app.routes


def test_what_hides_its_routes_from_the_check_stops_the_start():
    app = FastAPI(openapi_url=None)
    app.mount("/annex", FastAPI())

    with pytest.raises(RuntimeError, match="/annex"):
        require_access_declarations(app)


async def test_anothers_key_looks_like_a_missing_one(world):
    user, other = await world.user(), await world.user()
    key_id = await key_of(other)

    anothers = await user.delete(f"/api-keys/{key_id}")
    unknown = await user.delete("/api-keys/2000000000")

    assert anothers.status_code == unknown.status_code == 404
    assert without_id(anothers) == without_id(unknown)
    assert [key["id"] for key in (await other.get("/api-keys")).json()["items"]] == [
        key_id
    ]


def without_id(reply: httpx.Response) -> dict[str, Any]:
    return {**reply.json(), "request_id": None}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/training-runs/", {}),
        ("GET", f"{ORIGIN}//training-runs", {}),
        ("GET", "/TRAINING-RUNS", {}),
        ("GET", "/training-runs%2F", {}),
        ("GET", "/movies/..%2ftraining-runs", {}),
        ("HEAD", "/training-runs", {}),
        ("OPTIONS", "/training-runs", {}),
        ("TRACE", "/training-runs", {}),
        ("GET", "/training-runs", {"x-http-method-override": "POST"}),
        ("POST", "/training-runs", {"x-original-url": "/me"}),
        ("GET", "/experiments/", {}),
        ("GET", "/experiments%2F1", {}),
    ],
)
async def test_no_detour_leads_a_user_to_an_administrators_route(
    alice, method, path, headers
):
    reply = await alice.request(method, path, headers=headers)

    assert reply.status_code in {404, 405}


async def test_an_administrator_demoted_is_refused_at_the_next_request(
    admin, connection
):
    assert (await admin.get("/training-runs")).status_code == 200

    await connection.exec_driver_sql(
        "UPDATE users SET is_admin = false WHERE username = 'root'"
    )

    assert (await admin.get("/training-runs")).status_code == 404
