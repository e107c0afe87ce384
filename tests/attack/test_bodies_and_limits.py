"""Bodies of strangers, bytes in flight, and clients that ask for too much."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from api.queries import idempotency
from api.tables import IdempotentReply
from api.web import limits, strict_route
from api.web.limits import Limit, Limiter
from tests.conftest import keyed

pytestmark = pytest.mark.anyio

MIB = 2**20


@pytest.fixture
def body() -> tuple[AsyncIterator[bytes], list[int]]:
    """A large body, and a list that tells how much of it has been asked for."""
    read: list[int] = []

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(64):
            read.append(MIB)
            yield b"x" * MIB

    return parts(), read


@pytest.mark.parametrize(
    ("path", "media_type", "size"),
    [
        ("/models/import", "application/zip", 64 * MIB),
        ("/bulk/ratings", "application/x-ndjson", 4 * MIB),
        ("/code-proposals", "application/json", MIB),
    ],
)
async def test_nothing_of_a_strangers_body_is_read(
    anonymous, body, path, media_type, size
):
    content, read = body
    headers = {"Content-Type": media_type, "Content-Length": str(size)}

    reply = await anonymous.post(path, content=content, headers=headers)

    assert reply.status_code == 401
    assert read == []


async def test_nothing_of_a_users_body_is_read_where_only_administrators_may(
    alice, body
):
    content, read = body
    headers = {"Content-Type": "application/zip", "Content-Length": str(64 * MIB)}

    reply = await alice.post("/models/import", content=content, headers=headers)

    assert reply.status_code == 404
    assert read == []


async def test_bodies_that_together_are_too_large_wait(admin, monkeypatch):
    monkeypatch.setattr(strict_route, "MAX_IN_FLIGHT_BYTES", 100_000)
    rows = b"\n".join(b'{"id": %d}' % (2 * 10**9 + n) for n in range(9000))
    headers = {"Content-Type": "application/x-ndjson"}
    assert len(rows) > 100_000

    refused = await admin.post("/bulk/users", content=rows, headers=headers)
    monkeypatch.setattr(strict_route, "MAX_IN_FLIGHT_BYTES", 1_000_000)
    taken = await admin.post("/bulk/users", content=rows, headers=headers)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert taken.status_code == 200
    assert strict_route.in_flight.n_bytes == 0


@pytest.mark.parametrize("path", ["/recommendations", "/predictions", "/elicitation"])
async def test_costly_requests_are_limited_for_each_client(
    anonymous, services, monkeypatch, path
):
    monkeypatch.setattr(services.limiter, "now", lambda: 0.0)
    most = limits.COSTLY.burst

    first = await anonymous.post(path, json={"ratings": []})
    for _ in range(most - 1):
        services.limiter.take(limits.COSTLY, "address 127.0.0.1")
    refused = await anonymous.post(path, json={"ratings": []})

    assert first.headers["ratelimit"] == f'"costly";r={most - 1}'
    assert first.headers["ratelimit-policy"] == f'"costly";q={most};w=10'
    assert refused.status_code == 429
    assert refused.json()["type"].endswith("too-many-requests")
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["ratelimit"] == '"costly";r=0;t=1'


async def test_a_body_beyond_the_limit_is_not_read(anonymous, services, body):
    for _ in range(limits.COSTLY.burst):
        services.limiter.take(limits.COSTLY, "address 127.0.0.1")
    content, read = body
    headers = {"Content-Type": "application/json", "Content-Length": str(MIB)}

    reply = await anonymous.post("/recommendations", content=content, headers=headers)

    assert reply.status_code == 429
    assert read == []


async def test_a_program_that_serves_others_has_a_limit_of_its_own(
    app, admin, alice, services, monkeypatch
):
    monkeypatch.setattr(services.limiter, "now", lambda: 0.0)
    for _ in range(limits.COSTLY.burst + 1):
        services.limiter.take(limits.COSTLY, "address 127.0.0.1")

    async with (
        keyed(app, admin, "serve") as program,
        keyed(app, alice, "read") as other,
    ):
        served = await program.post("/recommendations", json={"ratings": []})
        refused = await other.post("/recommendations", json={"ratings": []})
        for _ in range(limits.PROGRAMS.burst):
            services.limiter.take(limits.PROGRAMS, f"key of user {admin.user_id}")
        used_up = await program.post("/recommendations", json={"ratings": []})

    assert served.status_code == 200
    assert (refused.status_code, used_up.status_code) == (429, 429)


async def test_accounts_are_limited_by_address(anonymous, services):
    for _ in range(limits.REGISTRATION.burst):
        services.limiter.take(limits.REGISTRATION, "address 127.0.0.1")
    body = {"username": "carol", "password": "lamp-and-owl-7"}

    reply = await anonymous.post("/auth/register", json=body)

    assert reply.status_code == 429
    assert int(reply.headers["retry-after"]) <= 10


def test_a_bucket_fills_again_and_clients_do_not_share_it(monkeypatch):
    clock = [0.0]
    limiter, limit = Limiter(now=lambda: clock[0]), Limit("l", burst=2, per_second=0.5)

    assert [limiter.take(limit, "a") for _ in range(3)] == [1, 0, -2]
    assert limiter.take(limit, "b") == 1
    clock[0] = 2
    assert limiter.take(limit, "a") == 0
    clock[0] = 100
    assert limiter.take(limit, "a") == 1
    monkeypatch.setattr(limits, "_MOST_CLIENTS", 1)
    limiter.take(limit, "c")
    assert limiter.take(limit, "a") == 1  # forgotten, so as if it were new


async def test_kept_replies_of_a_user_have_a_quota(admin, session, monkeypatch):
    monkeypatch.setattr(idempotency, "MOST_BYTES", 300)

    for n in range(12):
        headers = {
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": f"key-{n}",
        }
        row = b'{"id": %d}' % (2 * 10**9 + n)
        reply = await admin.post("/bulk/users", content=row, headers=headers)
        assert reply.status_code == 200
    again = await admin.post("/bulk/users", content=row, headers=headers)

    kept = (await session.scalars(select(IdempotentReply.key))).all()
    assert 1 <= len(kept) < 12
    assert "key-11" in kept
    assert again.json() == reply.json()
