"""Every failing path ends in a problem document, under every security header."""

import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from sqlalchemy import event, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.main import create_app
from api.schemas.base import ProblemOut
from api.services.model_store import ModelStore
from api.settings import Settings
from api.storage.database import SessionFactory, create_engine, create_session_factory
from api.tables import ApiKey, Rating, Session
from api.web.dependencies import Public, Services, SessionDep
from tests.conftest import ORIGIN, PASSWORD, Client, keyed

pytestmark = pytest.mark.anyio

HEADERS = {
    "content-security-policy": "default-src 'self'; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
JSON = {"content-type": "application/json"}
FILMS = "https://films.example.org"


def problem_of(reply: httpx.Response, status: int) -> ProblemOut:
    """Assert a problem document under all headers, and return it."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert {name: reply.headers.get(name) for name in HEADERS} == HEADERS
    assert "server" not in reply.headers
    problem = ProblemOut.model_validate_json(reply.content)
    assert problem.status == status
    assert problem.type.startswith("/problems/")
    assert problem.request_id == reply.headers["x-request-id"]
    return problem


async def test_an_unknown_path_is_404(anonymous):
    for method in ("GET", "POST", "DELETE"):
        reply = await anonymous.request(method, "/nowhere")

        assert problem_of(reply, 404).type == "/problems/not-found"


async def test_a_method_a_path_lacks_is_405_and_names_those_it_has(anonymous):
    movies = await anonymous.delete("/movies")
    ratings = await anonymous.post("/ratings/1/1")

    assert problem_of(movies, 405).type == "/problems/method-not-allowed"
    assert problem_of(ratings, 405).type == "/problems/method-not-allowed"
    assert movies.headers["allow"] == "GET"
    assert ratings.headers["allow"] == "DELETE, GET, PUT"


async def test_each_refusal_of_a_request_is_a_problem(app, alice):
    bare = await alice.post("/recommendations", content=b"{", headers=JSON)
    form = await alice.post("/recommendations", data={"ratings": "1"})
    large = await alice.post(
        "/recommendations", content=b" " * (2**20 + 1), headers=JSON
    )
    invalid = await alice.post("/recommendations", json={})
    async with Client(app, origin="http://films.example.org") as stranger:
        unknown_host = await stranger.get("/movies")

    assert problem_of(bare, 400).type == "/problems/malformed-request"
    assert problem_of(form, 415).type == "/problems/unsupported-media-type"
    assert problem_of(large, 413).type == "/problems/too-large"
    assert problem_of(invalid, 422).type == "/problems/invalid-request"
    assert problem_of(unknown_host, 421).type == "/problems/unknown-host"


async def test_who_is_not_signed_in_is_told_how_to_be(anonymous):
    reply = await anonymous.get("/me")

    assert problem_of(reply, 401).type == "/problems/not-signed-in"
    assert reply.headers["www-authenticate"] == "Bearer"


async def test_request_ids_differ(anonymous):
    replies = [await anonymous.get("/nowhere") for _ in range(3)]

    assert len({reply.headers["x-request-id"] for reply in replies}) == 3


async def test_a_success_carries_the_same_headers(anonymous, alice):
    for reply in (await anonymous.get("/movies"), await alice.get("/me")):
        assert reply.status_code == 200
        assert {name: reply.headers.get(name) for name in HEADERS} == HEADERS
        assert len(reply.headers["x-request-id"]) == 32


# 500 and 503.


FAULTS = {
    "/divide": "SELECT 'swordfish', 1 / 0",
    "/crawl": "SELECT pg_sleep(10)",
    "/break": "SELECT pg_terminate_backend(pg_backend_pid())",
}


@pytest.fixture
def faulty(settings: Settings, services: Services) -> FastAPI:
    """The application with routes that break."""
    app = create_app(settings, "postgresql+psycopg://")
    app.state.services = services

    async def fail() -> Response:
        raise RuntimeError("the password is swordfish")

    def running(statement: str) -> Callable[..., Awaitable[Response]]:
        async def run(session: SessionDep) -> Response:
            await session.execute(text(statement))
            return Response()

        return run

    endpoints = {path: running(statement) for path, statement in FAULTS.items()}
    for path, endpoint in {"/fail": fail, **endpoints}.items():
        app.add_api_route(
            path, endpoint, dependencies=[Public], include_in_schema=False
        )
    return app


@pytest.mark.parametrize("path", ["/fail", "/divide"])
async def test_a_fault_of_ours_is_500_and_tells_nothing(faulty, caplog, path):
    async with Client(faulty) as client:
        reply = await client.get(path)

    problem = problem_of(reply, 500)
    assert problem.type == "/problems/internal-error"
    assert "swordfish" not in reply.text
    assert problem.request_id in caplog.text  # who runs the service can find it


async def test_after_a_fault_the_service_still_works(faulty):
    async with Client(faulty) as client:
        await client.get("/divide")
        reply = await client.get("/genres")

    assert reply.status_code == 200


@asynccontextmanager
async def served(
    app: FastAPI, settings: Settings, sessions: SessionFactory
) -> AsyncIterator[Client]:
    """Run the application on other database sessions."""
    store = ModelStore(settings.models_dir, sessions)
    app.state.services = Services(settings, sessions, store)
    async with Client(app) as client:
        yield client


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, but where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def unavailable(reply: httpx.Response) -> None:
    """Assert that the service says it is away, and when to come back."""
    assert problem_of(reply, 503).type == "/problems/unavailable"
    assert reply.headers["retry-after"] == "5"


async def test_without_a_database_every_route_that_needs_it_is_503(
    app, settings, closed_port
):
    engine = create_engine(
        settings, f"postgresql+psycopg://x@127.0.0.1:{closed_port}/x"
    )

    async with served(app, settings, create_session_factory(engine)) as client:
        for path in ("/health/ready", "/genres", "/movies", "/movies/1"):
            unavailable(await client.get(path))
        unavailable(await client.get("/me", headers={"cookie": "session=x"}))
        client.headers["authorization"] = "Bearer x"
        unavailable(await client.put("/ratings/1/1", json={"value": 4}))
        live = await client.get("/health/live")

    assert live.json() == {"status": "live"}
    await engine.dispose()


@pytest.fixture
async def one_connection(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool of one, which waits a fifth of a second for it."""
    impatient = Settings(database_connections=1, database_timeout_seconds=0.2)
    engine = create_engine(impatient, database_url)
    yield engine
    await engine.dispose()


async def test_an_exhausted_pool_is_503_until_a_connection_is_free(
    app, settings, one_connection
):
    sessions = create_session_factory(one_connection)
    async with served(app, settings, sessions) as client:
        async with one_connection.connect():
            unavailable(await client.get("/genres"))

        reply = await client.get("/genres")

    assert reply.status_code == 200


@pytest.mark.parametrize("path", ["/crawl", "/break"])
async def test_a_statement_too_slow_or_cut_off_is_503_and_only_that_one(
    faulty, settings, one_connection, path
):
    sessions = create_session_factory(one_connection)
    async with served(faulty, settings, sessions) as client:
        unavailable(await client.get(path))

        reply = await client.get("/genres")

    assert reply.status_code == 200


# What depends on the public address.


@pytest.fixture
def behind_tls(database_url: str, models_dir, services: Services) -> FastAPI:
    """The application of a site that people reach over TLS."""
    settings = Settings(data_dir=models_dir.parent, public_url=f"{FILMS}/")
    app = create_app(settings, database_url)
    app.state.services = Services(
        settings, services.session_factory, services.model_store
    )
    return app


async def test_over_tls_cookies_are_bound_to_the_host_and_hsts_is_on(behind_tls):
    credentials = {"username": "alice", "password": PASSWORD}
    async with Client(behind_tls, origin=FILMS) as client:
        registered = await client.post("/auth/register", json=credentials)
        me = await client.get("/me")
        missing = await client.get("/nowhere")
        gone = await client.delete("/auth/session")

    name, *attributes = registered.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-session=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(attributes)
    assert not any(part.lower().startswith("domain") for part in attributes)
    assert me.status_code == 200
    for reply in (registered, me, missing, gone):
        assert reply.headers["strict-transport-security"] == (
            "max-age=31536000; includeSubDomains"
        )
    assert gone.headers["set-cookie"].startswith('__Host-session=""; ')
    assert "Secure" in gone.headers["set-cookie"]


async def test_without_tls_there_is_neither_prefix_nor_hsts(anonymous):
    credentials = {"username": "alice", "password": PASSWORD}

    reply = await anonymous.post("/auth/register", json=credentials)

    name, *attributes = reply.headers["set-cookie"].split("; ")
    assert name.startswith("session=")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Max-Age=2592000"} == set(attributes)
    assert len(reply.headers["set-cookie"]) < 4096
    assert "strict-transport-security" not in reply.headers


async def test_a_proxy_may_speak_plain_http_to_a_site_with_tls(behind_tls):
    async with Client(behind_tls, origin="http://films.example.org") as client:
        reply = await client.post(
            "/recommendations", json={"ratings": []}, headers={"origin": FILMS}
        )

    assert reply.status_code == 200


# A9. Requests that another site makes a browser send.

UNSAFE = {
    "PUT": ("/ratings/{}/1", {"value": 4}),
    "POST": ("/api-keys", {"name": "planted", "scopes": ["read"]}),
    "DELETE": ("/auth/session", None),
}
ORIGINS = {
    "own": ORIGIN,
    "other port": "http://127.0.0.1:9000",
    "same site": "http://evil.127.0.0.1:8000",
    "cross site": "https://evil.example",
    "suffix": f"{ORIGIN}.evil.example",
    "prefix": "http://evil.example/?http://127.0.0.1:8000",
    "null": "null",
    "empty": "",
    "absent": None,
}
READS = ("SELECT", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")
SITES = ("same-origin", "same-site", "cross-site", "nonsense", None)


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("origin", ORIGINS.values(), ids=ORIGINS)
@pytest.mark.parametrize("site", SITES)
async def test_a_cookie_acts_only_for_its_own_origin(
    alice, connection, method, origin, site
):
    path, body = UNSAFE[method]
    request = alice.build_request(method, path.format(alice.user_id), json=body)
    del request.headers["origin"]
    for name, value in (("origin", origin), ("sec-fetch-site", site)):
        if value is not None:
            request.headers[name] = value
    before = await counts(connection)

    reply = await alice.send(request)

    is_own = origin in {ORIGIN, None} and site in {"same-origin", None}
    if is_own and (origin, site) != (None, None):
        assert reply.is_success
        assert await counts(connection) != before
    else:
        assert problem_of(reply, 403).type == "/problems/cross-origin"
        assert "access-control-allow-origin" not in reply.headers
        assert await counts(connection) == before


async def counts(connection: AsyncConnection) -> list[int | None]:
    """Count what the unsafe requests would change."""
    return [
        await connection.scalar(select(func.count()).select_from(table))
        for table in (Rating, ApiKey, Session)
    ]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None],
)
@pytest.mark.parametrize("with_cookie", [True, False])
async def test_what_a_form_can_send_is_refused(
    alice, anonymous, connection, content_type, with_cookie
):
    client = alice if with_cookie else anonymous
    headers = {} if content_type is None else {"content-type": content_type}
    before = await counts(connection)

    for origin, status in ((ORIGIN, 415), ("https://evil.example", 403)):
        reply = await client.put(
            f"/ratings/{alice.user_id}/1",
            content=b'{"value": 4}',
            headers={**headers, "origin": origin},
        )
        problem_of(reply, status)

    assert await counts(connection) == before


async def test_without_a_cookie_a_program_needs_no_origin(app, alice):
    async with keyed(app, alice, "rate") as program:
        del program.headers["origin"]

        reply = await program.put(f"/ratings/{alice.user_id}/1", json={"value": 4})

    assert reply.status_code == 200


async def test_without_a_cookie_another_site_is_refused_all_the_same(anonymous):
    credentials = {"username": "alice", "password": PASSWORD}

    reply = await anonymous.post(
        "/auth/session", json=credentials, headers={"origin": "https://evil.example"}
    )

    problem_of(reply, 403)


async def test_no_origin_is_offered_to_other_sites(alice):
    for origin in ORIGINS.values():
        headers = {"origin": origin or "null"}
        reply = await alice.get("/me", headers=headers)
        preflight = await alice.options(
            "/me/password", headers=headers | {"access-control-request-method": "PUT"}
        )

        assert reply.status_code == 200
        problem_of(preflight, 405)
        assert not any(
            name.startswith("access-control")
            for name in (*reply.headers, *preflight.headers)
        )


async def test_no_get_changes_anything(app, admin, connection):
    written: list[str] = []

    def note(*arguments: Any) -> None:
        if not arguments[2].lstrip().startswith(READS):
            written.append(arguments[2])

    routes = {route.path for route in app.routes if "GET" in route.methods}
    ids = {name: 1 for path in routes for name in re.findall(r"{(\w+)}", path)}
    ids["user_id"] = admin.user_id
    event.listen(connection.sync_connection, "before_cursor_execute", note)
    statuses = {path: (await admin.get(path.format(**ids))).status_code
                for path in routes}  # fmt: skip
    event.remove(connection.sync_connection, "before_cursor_execute", note)

    assert len([path for path, status in statuses.items() if status == 200]) > 20
    assert written == []
