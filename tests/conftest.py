"""A real PostgreSQL with the sample and a trained model; each test is rolled back."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path

import httpx
import numpy as np
import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from api.cli import SAMPLE
from api.database import SessionFactory, migrate
from api.dependencies import Services
from api.embedded_postgres import server_url
from api.main import create_app
from api.model_store import ModelStore
from api.queries.training import read_ratings
from api.services.loading import load
from api.settings import Settings
from api.tables import User
from engine import als
from engine.artifacts import save_model
from engine.movielens import MovieLens

ORIGIN = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery"


@pytest.fixture
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


def create_database(server: str, name: str) -> str:
    """Create an empty database beside the server's own and return its URL."""
    plain = server.replace("+psycopg", "", 1)
    with psycopg.connect(plain, autocommit=True) as connection:
        identifier = sql.Identifier(name)
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier)
        )
        connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        info = connection.info
        return (
            f"postgresql+psycopg://{info.user}:{info.password}@/{name}"
            f"?host={info.host}&port={info.port}"
        )


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory) -> Path:
    """The folder of published models."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def database_url(server, models_dir) -> str:
    """A migrated database with the sample and one active model."""
    url = create_database(server, "cinefold_test")
    migrate(url)
    load(url, MovieLens.open(SAMPLE), on_progress=lambda *_: None)
    model = als.fit(read_ratings(url), rng=np.random.default_rng(0))
    manifest = save_model(model, models_dir / "first", details={})
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.execute(
            "INSERT INTO models (folder, manifest, is_active) VALUES (%s, %s, true)",
            ("first", Jsonb(asdict(manifest))),
        )
    return url


@pytest.fixture
def settings(models_dir) -> Settings:
    """Settings of a service that nobody else has changed."""
    return Settings(data_dir=models_dir.parent)


@pytest.fixture
async def sessions(database_url) -> AsyncIterator[SessionFactory]:
    """Sessions inside one transaction that is rolled back; their commits are savepoints."""
    engine = create_async_engine(database_url, poolclass=NullPool)
    async with engine.connect() as connection:
        transaction = await connection.begin()
        yield async_sessionmaker(
            connection,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
        )
        await transaction.rollback()
    await engine.dispose()


@pytest.fixture
async def session(sessions) -> AsyncIterator[AsyncSession]:
    """One session in the test's transaction."""
    async with sessions() as opened:
        yield opened


@pytest.fixture
async def app(settings, database_url, models_dir, sessions) -> FastAPI:
    """The application, its lifespan replaced by the test's own transaction."""
    application = create_app(settings, database_url)
    store = ModelStore(models_dir, sessions)
    await store.refresh()
    application.state.services = Services(settings, sessions, store)
    return application


class Client(httpx.AsyncClient):
    """Talks to the application directly, from the app's own origin."""

    user_id: int

    def __init__(self, app: FastAPI, **headers: str) -> None:
        super().__init__(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url=ORIGIN,
            headers={"origin": ORIGIN, **headers},
        )


@pytest.fixture
async def anonymous(app) -> AsyncIterator[Client]:
    """A client that is not signed in."""
    async with Client(app) as client:
        yield client


@asynccontextmanager
async def registered(app: FastAPI, username: str) -> AsyncIterator[Client]:
    """A client signed in as a new user."""
    async with Client(app) as client:
        credentials = {"username": username, "password": PASSWORD}
        reply = await client.post("/auth/register", json=credentials)
        assert reply.status_code == HTTPStatus.CREATED, reply.text
        client.user_id = reply.json()["id"]
        yield client


@pytest.fixture
async def alice(app) -> AsyncIterator[Client]:
    """A signed-in user."""
    async with registered(app, "alice") as client:
        yield client


@pytest.fixture
async def bob(app) -> AsyncIterator[Client]:
    """Another signed-in user."""
    async with registered(app, "bob") as client:
        yield client


@pytest.fixture
async def admin(app, session) -> AsyncIterator[Client]:
    """A signed-in administrator."""
    async with registered(app, "root") as client:
        user = await session.get(User, client.user_id)
        assert user is not None
        user.is_admin = True
        await session.commit()
        yield client


@asynccontextmanager
async def keyed(app: FastAPI, owner: Client, *scopes: str) -> AsyncIterator[Client]:
    """A program with an API key of `owner`."""
    reply = await owner.post("/api-keys", json={"name": "test", "scopes": scopes})
    assert reply.status_code == HTTPStatus.CREATED, reply.text
    key = reply.json()["key"]
    async with Client(app, authorization=f"Bearer {key}") as client:
        client.user_id = owner.user_id
        yield client
