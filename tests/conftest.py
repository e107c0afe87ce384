"""A real PostgreSQL with the sample and a trained model; each test is rolled back."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx
import numpy as np
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
)
from starlette.routing import Match

from api.main import create_app
from api.queries import auth as queries
from api.queries.snapshot import read_snapshot
from api.schemas.base import ProblemOut
from api.services.loading import SAMPLE, load
from api.services.model_store import ModelStore, ServedModel
from api.settings import Settings, libpq_url
from api.storage.database import SessionFactory, create_engine, migrate
from api.storage.embedded_postgres import SERVICE_ROLE, SUPERUSER, server_url
from api.web import security
from api.web.dependencies import Services
from engine.data.movielens import MovieLens
from engine.model.files import save_model
from engine.training import fit as als
from tests.service import running

ORIGIN = "http://127.0.0.1:8000"
TEMPLATE = "cinefold_template"
PASSWORD = "correct horse battery"  # noqa: S105 - of the tests alone

Join: TypeAlias = Callable[..., Awaitable["Client"]]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the service does."""
    return "asyncio"


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[str]:
    """Yield the URL of a server: `TEST_DATABASE_URL`, or an embedded one."""
    if "TEST_DATABASE_URL" in os.environ:
        yield os.environ["TEST_DATABASE_URL"]
    else:
        with server_url(tmp_path_factory.mktemp("server")) as url:
            yield url


def create_database(server: str, name: str, *, template: str = "template1") -> str:
    """Create a database beside the server's own and return its URL."""
    plain = libpq_url(server)
    owner = psycopg.conninfo.conninfo_to_dict(plain).get("user", "")
    # The service's role of the embedded server may make no database.
    maker = plain.replace(f"//{SERVICE_ROLE}@", f"//{SUPERUSER}@")
    with psycopg.connect(maker, autocommit=True) as connection:
        identifier = sql.Identifier(name)
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier)
        )
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                identifier, sql.Identifier(template), sql.Identifier(str(owner))
            )
        )
        info = connection.info
        return (
            f"postgresql+psycopg://{owner}:{info.password}@/{name}"
            f"?host={quote(info.host, safe='')}&port={info.port}"
        )


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of published models."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def template(server, models_dir) -> str:
    """A migrated database with the sample and one active model; nobody stays in it."""
    url = create_database(server, TEMPLATE)
    migrate(url)
    load(url, MovieLens.open(SAMPLE), on_progress=lambda *_: None)
    read = read_snapshot(url)
    model = als.fit(
        read.ratings,
        item_features=read.item_features,
        rng=np.random.default_rng(0),
    )
    manifest = save_model(model, models_dir / "first", details={})
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute(
            "INSERT INTO models (folder, manifest, is_active) VALUES (%s, %s, true)",
            ("first", Jsonb(asdict(manifest))),
        )
    return TEMPLATE


@pytest.fixture(scope="session")
def database_url(server, template) -> str:
    """A copy of the template for all tests that roll back."""
    return create_database(server, "cinefold_test", template=template)


@pytest.fixture(scope="session")
def settings(models_dir) -> Settings:
    """Settings of a service that nobody else has changed."""
    return Settings(data_dir=models_dir.parent)


@pytest.fixture(scope="session")
def application(settings, database_url) -> FastAPI:
    """The application; every test gives it services of its own."""
    return create_app(settings, database_url)


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of `PASSWORD`, made once because that is slow on purpose."""
    return asyncio.run(security.hash_password(PASSWORD))


@pytest.fixture(scope="session")
async def engine(settings, database_url, anyio_backend) -> AsyncIterator[AsyncEngine]:  # noqa: ARG001 - its loop
    """The service's own pool, kept warm between tests."""
    engine = create_engine(settings, database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """The one connection of a test; whatever happened on it is rolled back."""
    async with engine.connect() as opened:
        transaction = await opened.begin()
        yield opened
        await transaction.rollback()


class JoinedSession(AsyncSession):
    """A session that cannot leave the test's transaction, not even to autocommit."""

    async def connection(self, *_: Any, **__: Any) -> AsyncConnection:
        """Join the transaction."""
        return await super().connection()


@pytest.fixture
def sessions(connection) -> SessionFactory:
    """Sessions inside the test's transaction; their commits are savepoints."""
    return async_sessionmaker(
        connection,
        class_=JoinedSession,
        expire_on_commit=False,
        join_transaction_mode="create_savepoint",
    )


@pytest.fixture
async def session(sessions) -> AsyncIterator[AsyncSession]:
    """One session in the test's transaction."""
    async with sessions() as opened:
        yield opened


@pytest.fixture(scope="session")
async def trained(engine: AsyncEngine, models_dir: Path) -> ServedModel:
    """The model trained on the sample."""
    store = ModelStore(models_dir, async_sessionmaker(engine))
    await store.refresh()
    assert store.current is not None
    return store.current


@pytest.fixture
def services(
    settings: Settings,
    models_dir: Path,
    sessions: SessionFactory,
    trained: ServedModel,
) -> Services:
    """What the lifespan builds, on the test's own transaction."""
    store = ModelStore(models_dir, sessions)
    store.current = trained
    return Services(settings, sessions, store)


@pytest.fixture
def app(application: FastAPI, services) -> FastAPI:
    """The application on the test's own transaction."""
    application.state.services = services
    return application


class Client(httpx.AsyncClient):
    """Talks to the application directly, from the app's own origin.

    Every reply of every test is held against the OpenAPI document.
    """

    user_id: int

    def __init__(
        self,
        app: FastAPI,
        *,
        origin: str = ORIGIN,
        address: str = "127.0.0.1",
        **headers: str,
    ) -> None:
        super().__init__(
            transport=httpx.ASGITransport(
                app, raise_app_exceptions=False, client=(address, 50_000)
            ),
            base_url=origin,
            headers={"origin": origin, **headers},
            event_hooks={"response": [partial(check_documented, app)]},
        )


async def check_documented(app: FastAPI, response: httpx.Response) -> None:
    """Fail a test whose reply is not one the OpenAPI document describes."""
    await response.aread()
    request = response.request
    scope = {"type": "http", "method": request.method, "path": request.url.path}
    for route in app.routes:
        if (
            isinstance(route, APIRoute)
            and route.include_in_schema
            and route.matches({**scope, "root_path": ""})[0] is Match.FULL
        ):
            operations = app.openapi()["paths"][route.path]
            check_reply(operations[request.method.lower()], route, response)
            return  # the router takes the first that matches, too


def check_reply(
    operation: dict[str, Any], route: APIRoute, response: httpx.Response
) -> None:
    """Check status, content type and body; no field more, none less."""
    documented = operation["responses"].get(str(response.status_code))
    assert documented, f"{route.path} does not document {response.status_code}"
    content_type = response.headers.get("content-type", "").partition(";")[0]
    assert content_type in (documented.get("content") or [""])
    if content_type.endswith("json") and not content_type.endswith("ndjson"):
        model = ProblemOut if response.is_error else route.response_model
        adapter: TypeAdapter[Any] = TypeAdapter(model)
        shaped = adapter.validate_json(response.content)
        dumped = adapter.dump_python(shaped, mode="json", exclude_unset=True)
        assert dumped == response.json()


@pytest.fixture
async def anonymous(app) -> AsyncIterator[Client]:
    """A client that is not signed in."""
    async with Client(app) as client:
        yield client


@pytest.fixture
async def join(app, sessions, password_hash) -> AsyncIterator[Join]:
    """Make users who are signed in, without the cost of hashing their passwords."""
    async with AsyncExitStack() as stack:

        async def make(username: str, **flags: bool) -> Client:
            token = security.new_token()
            async with sessions() as session:
                user = await queries.add_user(
                    session, username=username, password_hash=password_hash, **flags
                )
                await queries.add_session(
                    session, user_id=user.id, token_hash=security.token_hash(token)
                )
                await session.commit()
            client = await stack.enter_async_context(Client(app))
            client.cookies.set("session", token, domain="127.0.0.1", path="/")
            client.user_id = user.id
            return client

        yield make


@pytest.fixture
async def alice(join: Join) -> Client:
    """A signed-in user."""
    return await join("alice")


@pytest.fixture
async def bob(join: Join) -> Client:
    """Another signed-in user."""
    return await join("bob")


@pytest.fixture
async def admin(join: Join) -> Client:
    """A signed-in administrator."""
    return await join("root", is_admin=True)


@asynccontextmanager
async def keyed(app: FastAPI, owner: Client, *scopes: str) -> AsyncIterator[Client]:
    """A program with an API key of `owner`."""
    reply = await owner.post("/api-keys", json={"name": "test", "scopes": scopes})
    assert reply.status_code == HTTPStatus.CREATED, reply.text
    key = reply.json()["key"]
    async with Client(app, authorization=f"Bearer {key}") as client:
        client.user_id = owner.user_id
        yield client


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after its first `cinefold run`: sample loaded, model trained."""
    folder = tmp_path_factory.mktemp("prepared")
    with running(folder / "data", folder / "log"):
        pass
    return folder / "data"


@pytest.fixture
def copy_of_prepared(prepared: Path, tmp_path: Path) -> Callable[[], Path]:
    """Make copies of the prepared folder, owners and modes kept."""
    n_copies = 0

    def copy() -> Path:
        nonlocal n_copies
        n_copies += 1
        target = tmp_path / f"data{n_copies}"
        subprocess.run(["/bin/cp", "--archive", prepared, target], check=True)
        return target

    return copy
