"""Accounts, sessions, passwords, keys, and the limits on guessing."""

import logging
import time
from datetime import datetime, timedelta
from typing import Any

import argon2
import httpx
import pytest
from sqlalchemy import func, select, text, update

from api.queries import auth as queries
from api.schemas.account import ApiKeyIn
from api.services import administration, auth
from api.services.auth import ABSOLUTE_TIMEOUT, IDLE_TIMEOUT
from api.tables import ApiKey, Session, SignInFailure, User
from api.telemetry.observability import configure_logging
from api.web import security
from api.web.limits import UNKNOWN_ADDRESS
from api.web.problems import NotFound
from api.web.security import _DECOY_HASH, token_hash
from tests.conftest import PASSWORD, Client, keyed

pytestmark = pytest.mark.anyio

NEW_PASSWORD = "a better battery"  # noqa: S105 - of the tests alone
ALICE = {"username": "alice", "password": PASSWORD}
WRONG = {"username": "alice", "password": "wrong password"}


def token_of(client: Client) -> str:
    """Return the session token a client holds."""
    return client.cookies["session"]


async def register(client: Client, username: str, password: str = PASSWORD) -> int:
    """Register and return the status."""
    credentials = {"username": username, "password": password}
    return (await client.post("/auth/register", json=credentials)).status_code


# Registration and sign-in.


async def test_who_registers_is_signed_in(anonymous):
    assert (await anonymous.get("/me")).status_code == 401

    reply = await anonymous.post("/auth/register", json=ALICE)

    me = await anonymous.get("/me")
    assert reply.status_code == 201
    assert me.json() == reply.json()
    assert me.json()["username"] == "alice"
    assert me.json()["id"] > 1_000_000_000
    assert me.json()["n_ratings"] == 0
    assert not me.json()["is_admin"]
    assert not me.json()["must_change_password"]


@pytest.mark.parametrize("username", ["alice", "ALICE", "Alice"])
async def test_a_name_is_taken_whatever_its_case(anonymous, alice, username):
    reply = await anonymous.post(
        "/auth/register", json={"username": username, "password": PASSWORD}
    )

    assert reply.status_code == 409
    assert reply.json()["type"] == "/problems/username-taken"
    assert (await anonymous.get("/me")).status_code == 401
    assert (await alice.get("/me")).status_code == 200


async def test_letters_of_every_script_have_case(anonymous, join):
    await join("ÉLODIE")

    assert await register(anonymous, "élodie") == 409


async def test_signing_in_needs_the_right_password_and_no_right_case(anonymous, alice):
    wrong = await anonymous.post("/auth/session", json=WRONG)
    right = await anonymous.post("/auth/session", json={**ALICE, "username": "ALICE"})

    assert wrong.status_code == 401
    assert wrong.json()["type"] == "/problems/invalid-credentials"
    assert right.status_code == 200
    assert right.json()["id"] == alice.user_id
    assert (await anonymous.get("/me")).json()["id"] == alice.user_id


async def test_signing_out_ends_the_session_and_a_copy_of_its_cookie(app, alice):
    copied = token_of(alice)

    reply = await alice.delete("/auth/session")

    assert reply.status_code == 204
    assert "session" not in alice.cookies
    async with Client(app) as thief:
        thief.cookies.set("session", copied)
        assert (await thief.get("/me")).status_code == 401
    assert (await alice.delete("/auth/session")).status_code == 401


async def test_imported_users_cannot_sign_in(anonymous, session):
    imported = await session.get(User, 1)

    reply = await anonymous.post(
        "/auth/session", json={"username": "   1", "password": PASSWORD}
    )

    assert imported.username is None
    assert reply.status_code == 401
    assert await security.verify_password(imported.password_hash, PASSWORD) is False


async def test_an_old_hash_is_made_anew_at_sign_in(anonymous, session, join):
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    client = await join("alice")
    user = await session.get(User, client.user_id)
    user.password_hash = weak.hash(PASSWORD)
    await session.commit()

    reply = await anonymous.post("/auth/session", json=ALICE)

    await session.refresh(user)
    assert reply.status_code == 200
    assert not security.needs_rehash(user.password_hash)
    assert await security.verify_password(user.password_hash, PASSWORD)


# A6. Session fixation.


async def test_a_planted_session_is_worth_nothing_after_sign_in(anonymous, app, alice):
    planted = token_of(alice)
    anonymous.cookies.set("session", planted, domain="127.0.0.1", path="/")

    await anonymous.post("/auth/session", json=ALICE)

    assert token_of(anonymous) != planted
    assert (await anonymous.get("/me")).status_code == 200
    async with Client(app, cookie=f"session={planted}") as attacker:
        assert (await attacker.get("/me")).status_code == 401


async def test_a_planted_session_is_worth_nothing_after_registration(
    anonymous, app, bob
):
    planted = token_of(bob)
    anonymous.cookies.set("session", planted, domain="127.0.0.1", path="/")

    assert await register(anonymous, "carol") == 201

    assert token_of(anonymous) != planted
    async with Client(app, cookie=f"session={planted}") as attacker:
        assert (await attacker.get("/me")).status_code == 401


async def test_a_token_nobody_issued_never_becomes_a_session(anonymous, app, alice):
    invented = "0" * 43
    anonymous.cookies.set("session", invented, domain="127.0.0.1", path="/")

    await anonymous.post("/auth/session", json=ALICE)

    async with Client(app, cookie=f"session={invented}") as attacker:
        assert (await attacker.get("/me")).status_code == 401
    assert (await alice.get("/me")).status_code == 200


async def test_only_hashes_of_tokens_and_keys_are_stored(alice, connection):
    key = await alice.post("/api-keys", json={"name": "k", "scopes": ["read"]})
    secrets = (token_of(alice), key.json()["key"], PASSWORD)

    for table in ("users", "sessions", "api_keys"):
        rows = (await connection.execute(text(f"SELECT t::text FROM {table} t"))).all()  # noqa: S608 - names of ours
        written = "\n".join(row[0] for row in rows)
        assert not any(secret in written for secret in secrets)
        assert not any(secret.encode().hex() in written for secret in secrets)
    hashes = set(await connection.scalars(select(Session.token_hash)))
    assert token_hash(token_of(alice)) in hashes
    assert len(token_of(alice)) == 43  # 256 bits


# A7. How sessions end.


async def age(session, client, **columns: timedelta) -> None:
    """Move the stored times of a client's session into the past."""
    ages = {name: func.now() - by for name, by in columns.items()}
    await session.execute(
        update(Session).where(Session.user_id == client.user_id).values(ages)
    )
    await session.commit()


@pytest.mark.parametrize(
    ("column", "limit"),
    [("last_seen_at", IDLE_TIMEOUT), ("created_at", ABSOLUTE_TIMEOUT)],
)
async def test_a_session_ends_by_idleness_and_by_age(alice, session, column, limit):
    second = timedelta(seconds=1)

    await age(session, alice, **{column: limit - second})
    before = await alice.get("/me")
    await age(session, alice, **{column: limit})
    after = await alice.get("/me")

    assert before.status_code == 200
    assert after.status_code == 401


async def test_use_keeps_a_session_from_being_idle(alice, session):
    await age(session, alice, last_seen_at=IDLE_TIMEOUT / 2)

    await alice.get("/me")

    seen = await session.scalar(
        select(Session.last_seen_at).where(Session.user_id == alice.user_id)
    )
    assert seen == await session.scalar(select(func.now()))


async def test_a_session_in_steady_use_is_not_written_at_every_request(alice, session):
    await age(session, alice, last_seen_at=timedelta(minutes=5))
    seen = select(Session.last_seen_at).where(Session.user_id == alice.user_id)
    before = await session.scalar(seen)

    await alice.get("/me")

    assert await session.scalar(seen) == before


async def test_dead_sessions_are_forgotten_at_the_next_sign_in(
    alice, anonymous, session
):
    await age(session, alice, last_seen_at=IDLE_TIMEOUT)

    await anonymous.post("/auth/session", json=ALICE)

    count = select(func.count()).where(Session.user_id == alice.user_id)
    assert await session.scalar(count) == 1


async def test_a_disabled_user_is_out_at_once_and_cannot_return(
    app, alice, anonymous, connection
):
    async with keyed(app, alice, "read") as program:
        assert (await program.get("/me")).status_code == 200
        await connection.execute(
            update(User).where(User.id == alice.user_id).values(is_disabled=True)
        )

        replies = [
            await alice.get("/me"),
            await program.get("/me"),
            await anonymous.post("/auth/session", json=ALICE),
        ]

    assert [reply.status_code for reply in replies] == [401, 401, 401]
    assert replies[2].json()["type"] == "/problems/invalid-credentials"


# Passwords.


async def test_a_new_password_ends_all_other_sessions_and_renews_this_one(
    app, alice, anonymous
):
    await anonymous.post("/auth/session", json=ALICE)
    old = token_of(alice)
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}

    reply = await alice.put("/me/password", json=change)

    assert reply.status_code == 204
    assert token_of(alice) != old
    assert (await alice.get("/me")).status_code == 200
    assert (await anonymous.get("/me")).status_code == 401
    async with Client(app, cookie=f"session={old}") as thief:
        assert (await thief.get("/me")).status_code == 401
    async with Client(app) as client:
        assert (await client.post("/auth/session", json=ALICE)).status_code == 401
        renewed = {**ALICE, "password": NEW_PASSWORD}
        assert (await client.post("/auth/session", json=renewed)).status_code == 200


async def test_a_password_is_not_changed_without_the_current_one(alice, session):
    before = (await session.get(User, alice.user_id)).password_hash
    changes = [
        ({"current_password": "not this one", "new_password": NEW_PASSWORD}, 401),
        ({"current_password": PASSWORD, "new_password": PASSWORD}, 422),
        ({"current_password": PASSWORD, "new_password": "short"}, 422),
        ({"new_password": NEW_PASSWORD}, 422),
    ]

    statuses = [
        (await alice.put("/me/password", json=change)).status_code
        for change, _ in changes
    ]

    assert statuses == [status for _, status in changes]
    after = await session.get(User, alice.user_id, populate_existing=True)
    assert after.password_hash == before


async def test_guessing_the_current_password_is_limited(alice, session):
    guess = {"current_password": "not this one", "new_password": NEW_PASSWORD}
    await fail(session, 9, username="alice", address="127.0.0.1")

    tenth = await alice.put("/me/password", json=guess)
    eleventh = await alice.put("/me/password", json=guess)

    assert (tenth.status_code, eleventh.status_code) == (401, 429)


async def test_guesses_elsewhere_do_not_keep_a_user_from_a_new_password(alice, session):
    await fail(session, 150, username="alice", address="203.0.113.7")
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}

    reply = await alice.put("/me/password", json=change)

    assert reply.status_code == 204


@pytest.mark.parametrize(
    ("password", "status"),
    [
        ("seven77", 422),
        ("kzt7-m#q", 201),
        ("🎬🍿🎞🥤🎟🍬📽🎥", 201),
        ("🎬" * 7, 422),
        (" zq  p  q", 201),
        ("nul\0 in it", 201),
        ("lamp and owl " * 9, 201),
        ("lamp and owl " * 10, 422),
        ("x" * 1_000_000, 422),
    ],
)
async def test_a_password_has_8_to_128_characters_of_any_kind(
    anonymous, password, status
):
    assert await register(anonymous, "carol", password) == status


async def test_passwords_are_neither_cut_nor_altered(anonymous):
    long = "long " * 20
    await register(anonymous, "carol", f"{long}a ")

    statuses = [
        (
            await anonymous.post(
                "/auth/session", json={"username": "carol", "password": password}
            )
        ).status_code
        for password in (f"{long}b ", f"{long}a", f"{long}A ", f"{long}a ")
    ]

    assert statuses == [401, 401, 401, 200]


async def test_a_one_time_password_opens_nothing_but_its_own_change(join, session):
    client = await join("dave", must_change_password=True)
    user = client.user_id
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}

    before = await client.get(f"/recommendations/{user}")
    me = await client.get("/me")
    changed = await client.put("/me/password", json=change)
    after = await client.get(f"/recommendations/{user}")

    assert before.status_code == 403
    assert before.json()["type"] == "/problems/password-change-required"
    assert me.json()["must_change_password"]
    assert changed.status_code == 204
    assert after.status_code == 200
    assert not (await session.get(User, user)).must_change_password


# A10. Guessing.


async def fail(session, n_failures: int, *, username: str, address: str) -> None:
    """Store wrong passwords."""
    values = {"username": username, "address": address}
    session.add_all(SignInFailure(**values) for _ in range(n_failures))
    await session.commit()


async def sign_in(client: Client, credentials=ALICE) -> int:
    """Sign in and return the status."""
    return (await client.post("/auth/session", json=credentials)).status_code


async def test_the_eleventh_guess_at_an_account_from_an_address_is_refused(
    anonymous, app, alice, session
):
    await fail(session, 9, username="alice", address="127.0.0.1")

    tenth = await sign_in(anonymous, {**WRONG, "username": "ALICE"})
    eleventh = await anonymous.post("/auth/session", json=ALICE)

    assert tenth == 401
    assert eleventh.status_code == 429
    assert eleventh.headers["retry-after"] == "900"
    assert (await alice.get("/me")).status_code == 200
    async with Client(app, address="203.0.113.7") as elsewhere:
        assert await sign_in(elsewhere) == 200


async def test_the_limit_of_an_account_ends_after_fifteen_minutes(
    anonymous, alice, session
):
    await fail(session, 10, username="alice", address="127.0.0.1")
    assert await sign_in(anonymous) == 429

    await session.execute(
        update(SignInFailure).values(failed_at=func.now() - timedelta(minutes=15))
    )
    await session.commit()

    assert await sign_in(anonymous) == 200
    assert (await alice.get("/me")).status_code == 200


async def test_the_twenty_sixth_guess_from_an_address_is_refused(
    anonymous, alice, session
):
    for i in range(24):
        await fail(session, 1, username=f"user {i}", address="127.0.0.1")

    twenty_fifth = await sign_in(anonymous, WRONG)
    twenty_sixth = await anonymous.post("/auth/session", json=ALICE)

    assert twenty_fifth == 401
    assert twenty_sixth.status_code == 429
    assert twenty_sixth.headers["retry-after"] == "300"
    assert (await alice.get("/me")).status_code == 200


async def test_guesses_from_everywhere_slow_the_owner_down_and_lock_nobody_out(
    anonymous, alice, session, monkeypatch
):
    monkeypatch.setattr(auth, "WAIT_SECONDS", 0.5)
    for i in range(99):
        await fail(session, 1, username="alice", address=f"203.0.113.{i}")

    began = time.monotonic()
    assert await sign_in(anonymous, WRONG) == 401
    quick = time.monotonic() - began
    reply = await anonymous.post("/auth/session", json=ALICE)

    assert quick < 0.5
    assert reply.status_code == 200
    assert time.monotonic() - began > 0.5
    assert (await alice.get("/me")).status_code == 200


async def test_failures_older_than_an_hour_are_forgotten(anonymous, session):
    await fail(session, 3, username="alice", address="127.0.0.1")
    await session.execute(
        update(SignInFailure).values(failed_at=func.now() - timedelta(minutes=61))
    )
    await session.commit()

    await sign_in(anonymous, WRONG)

    assert await session.scalar(select(func.count(SignInFailure.id))) == 1


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:4711", UNKNOWN_ADDRESS),
        ("unknown", UNKNOWN_ADDRESS),
        ("", UNKNOWN_ADDRESS),
    ],
)
async def test_an_ipv6_network_and_a_mapped_address_count_as_one(
    app, session, address, counted
):
    async with Client(app, address=address) as client:
        assert await sign_in(client, WRONG) == 401

    stored = await session.scalar(select(func.host(SignInFailure.address)))
    assert stored == counted


async def test_a_forged_forwarding_header_does_not_move_the_limit(
    anonymous, alice, session
):
    await fail(session, 10, username="alice", address="127.0.0.1")

    reply = await anonymous.post(
        "/auth/session", json=ALICE, headers={"x-forwarded-for": "203.0.113.9"}
    )

    assert reply.status_code == 429
    assert (await alice.get("/me")).status_code == 200


# A11. Who has an account.


async def test_an_unknown_name_is_answered_like_a_known_one(anonymous, alice):
    known = await anonymous.post("/auth/session", json=WRONG)
    unknown = await anonymous.post("/auth/session", json={**WRONG, "username": "zoe"})

    def without_id(reply: httpx.Response) -> tuple[Any, ...]:
        headers = {**reply.headers, "x-request-id": None}
        return reply.status_code, {**reply.json(), "request_id": None}, headers

    assert without_id(known) == without_id(unknown)
    assert (await alice.get("/me")).status_code == 200


async def test_an_unknown_name_costs_a_real_verification():
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        argon2.PasswordHasher().verify(_DECOY_HASH, PASSWORD)
    assert not security.needs_rehash(_DECOY_HASH)
    stored = await security.hash_password(PASSWORD)

    known, unknown = [], []
    for _ in range(5):
        began = time.perf_counter()
        assert not await security.verify_password(stored, "wrong password")
        middle = time.perf_counter()
        assert not await security.verify_password(None, "wrong password")
        known.append(middle - began)
        unknown.append(time.perf_counter() - middle)

    assert 0.5 < min(unknown) / min(known) < 2


def test_hashes_are_at_least_as_strong_as_the_minimum():
    parameters = argon2.extract_parameters(_DECOY_HASH)

    assert parameters.type is argon2.Type.ID
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2


async def test_a_damaged_hash_lets_nobody_in():
    assert not await security.verify_password("$argon2id$nonsense", PASSWORD)


# Keys.


async def test_a_key_is_shown_once_and_listed_without_its_secret(alice):
    body = {"name": "my script", "scopes": ["rate", "read", "read"]}

    created = await alice.post("/api-keys", json=body)
    listed = await alice.get("/api-keys")

    key = created.json().pop("key")
    assert key.startswith("cinefold_")
    assert created.json()["scopes"] == ["rate", "read"]
    assert key not in listed.text
    assert listed.json()["items"] == [
        {name: value for name, value in created.json().items() if name != "key"}
    ]


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
async def test_a_key_works_in_either_header_until_it_is_revoked(
    app, alice, session, header
):
    created = (
        await alice.post("/api-keys", json={"name": "k", "scopes": ["read"]})
    ).json()
    prefix = "Bearer " if header == "authorization" else ""

    async with Client(app, **{header: prefix + created["key"]}) as program:
        before = await program.get(f"/ratings/{alice.user_id}")
        revoked = await alice.delete(f"/api-keys/{created['id']}")
        after = await program.get(f"/ratings/{alice.user_id}")

    assert before.status_code == 200
    assert revoked.status_code == 204
    assert after.status_code == 401
    assert await session.scalar(select(func.count(ApiKey.id))) == 0


async def test_a_key_goes_before_a_cookie(app, alice, bob):
    async with keyed(app, alice, "read") as program:
        program.cookies.set("session", token_of(bob))

        assert (await program.get("/me")).json()["id"] == alice.user_id


@pytest.mark.parametrize("scope", ["serve", "admin"])
async def test_nobody_gives_a_key_more_than_they_may_do(alice, scope):
    body = {"name": "k", "scopes": ["read", scope]}

    reply = await alice.post("/api-keys", json=body)

    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == ["body", "scopes"]
    assert (await alice.get("/api-keys")).json()["items"] == []


async def test_a_key_loses_what_its_owner_loses(app, admin, connection):
    async with keyed(app, admin, "serve", "admin") as program:
        before = [await program.get("/training-runs"), await program.get("/ratings/1")]
        await connection.execute(
            update(User).where(User.id == admin.user_id).values(is_admin=False)
        )

        after = [await program.get("/training-runs"), await program.get("/ratings/1")]

    assert [reply.status_code for reply in before] == [200, 200]
    assert [reply.status_code for reply in after] == [404, 404]


async def test_the_command_line_makes_keys_for_the_first_administrator(
    app, session, join
):
    body = ApiKeyIn(name="from the shell", scopes=["admin"])
    with pytest.raises(NotFound):
        await auth.create_administrator_key(session, body=body)
    admin = await join("root", is_admin=True)

    created = await auth.create_administrator_key(session, body=body)

    async with Client(app, authorization=f"Bearer {created.key}") as program:
        assert (await program.get("/training-runs")).status_code == 200
        assert (await program.get("/me")).json()["id"] == admin.user_id


async def test_a_key_is_told_apart_by_its_first_characters(alice):
    created = [
        (await alice.post("/api-keys", json={"name": "k", "scopes": ["read"]})).json()
        for _ in range(2)
    ]

    listed = (await alice.get("/api-keys")).json()["items"]

    assert [key["prefix"] for key in listed] == [key["prefix"] for key in created]
    assert created[0]["prefix"] != created[1]["prefix"]
    for key in created:
        assert key["key"].startswith(key["prefix"])
        assert len(key["key"]) - len(key["prefix"]) == 35  # 208 of 256 bits unseen


async def test_a_key_ends_at_its_hour(app, alice, session):
    body = {"name": "k", "scopes": ["read"], "expires_in_days": 30}
    created = (await alice.post("/api-keys", json=body)).json()
    key = update(ApiKey).where(ApiKey.id == created["id"])
    lifetime = datetime.fromisoformat(created["expires_at"]) - datetime.fromisoformat(
        created["created_at"]
    )

    async with Client(app, **{"x-api-key": created["key"]}) as program:
        before = await program.get("/me")
        await session.execute(key.values(expires_at=func.now()))
        await session.commit()
        after = await program.get("/me")

    assert lifetime == timedelta(days=30)
    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_key_without_an_end_says_so(alice):
    body = {"name": "k", "scopes": ["read"]}

    created = (await alice.post("/api-keys", json=body)).json()

    assert created["expires_at"] is None


@pytest.mark.parametrize("days", [0, -1, 3651, 1.5, "30", True, 10**30])
async def test_the_life_of_a_key_is_a_number_of_days(alice, days):
    body = {"name": "k", "scopes": ["read"], "expires_in_days": days}

    reply = await alice.post("/api-keys", json=body)

    assert reply.status_code == 422
    assert (await alice.get("/api-keys")).json()["items"] == []


async def test_a_user_has_fifty_keys_at_most(alice, bob, session):
    body = {"name": "k", "scopes": ["read"]}
    session.add_all(
        ApiKey(
            user_id=alice.user_id,
            name="k",
            prefix="cinefold_",
            key_hash=bytes([i]),
            scopes=["read"],
        )
        for i in range(49)
    )
    await session.commit()

    fiftieth = await alice.post("/api-keys", json=body)
    next_one = await alice.post("/api-keys", json=body)
    other = await bob.post("/api-keys", json=body)

    assert (fiftieth.status_code, next_one.status_code) == (201, 409)
    assert next_one.json()["type"] == "/problems/too-many-keys"
    assert other.status_code == 201
    assert len((await alice.get("/api-keys")).json()["items"]) == 50


async def test_a_key_is_never_logged(app, alice, caplog):
    caplog.set_level("DEBUG")

    async with keyed(app, alice, "read") as program:
        key = program.headers["authorization"].removeprefix("Bearer ")
        await program.get("/me")
        await program.get(f"/movies?query={key[:20]}&verbose=1")
        await program.put("/ratings/1/1", json={"value": 3})

    assert key not in caplog.text


# The first administrator.


async def test_the_first_administrators_password_is_new_until_it_is_changed(
    anonymous, session
):
    first = await auth.ensure_administrator(session)
    second = await auth.ensure_administrator(session)
    assert first is not None
    assert second is not None
    username, password = second
    lost = await sign_in(anonymous, {"username": username, "password": first[1]})
    found = await sign_in(anonymous, {"username": username, "password": password})
    change = {"current_password": password, "new_password": NEW_PASSWORD}
    before = await anonymous.get("/training-runs")
    await anonymous.put("/me/password", json=change)

    third = await auth.ensure_administrator(session)

    assert (lost, found) == (401, 200)
    assert before.status_code == 403
    assert (await anonymous.get("/training-runs")).status_code == 200
    assert third is None


async def test_a_user_who_is_gone_cannot_be_described(session):
    with pytest.raises(NotFound):
        await auth.describe(session, user_id=2_000_000_000)


async def test_a_new_name_is_unique_even_when_two_register_at_once(session):
    await queries.add_user(session, username="twin", password_hash="x")  # noqa: S106 - no hash

    with pytest.raises(Exception, match="users_username_key"):
        await queries.add_user(session, username="TWIN", password_hash="x")  # noqa: S106 - likewise


# One form of names, and what looks alike.


@pytest.mark.parametrize(
    "name", ["ALICE", "\uff21lice", "\u0430lice", "a1ice", "al\u0131ce"]
)
async def test_a_name_like_a_taken_one_is_refused(anonymous, alice, name):
    """Other case, full width, a Cyrillic letter, a digit one, a dotless i."""
    assert alice.user_id
    assert await register(anonymous, name, "lamp-and-owl-7") == 409


@pytest.mark.parametrize(
    "name", ["ad\u200dmin", "a b c", "\u202ebob", "\u2460\u2461\u2462"]
)
async def test_a_name_with_other_signs_is_refused_and_the_sign_named(anonymous, name):
    body = {"username": name, "password": "lamp-and-owl-7"}

    reply = await anonymous.post("/auth/register", json=body)

    assert reply.status_code == 422
    assert "letters, digits" in reply.json()["errors"][0]["message"]


async def test_names_sign_in_in_any_spelling_and_share_one_count(anonymous, session):
    await register(anonymous, "Zo\u00eb", PASSWORD)
    spelled = ["ZO\u00cb", "zoe\u0308", "\uff3ao\u00eb"]
    for name in spelled:
        body = {"username": name, "password": PASSWORD}
        assert await sign_in(anonymous, body) == 200
        await sign_in(anonymous, {**body, "password": "wrong-pass-word"})

    counted = await session.scalar(
        select(func.count(SignInFailure.username.distinct()))
    )
    assert counted == 1


async def test_a_dotted_capital_i_is_another_name(anonymous, join):
    await join("admin", is_admin=True)

    assert (
        await sign_in(anonymous, {"username": "adm\u0130n", "password": PASSWORD})
        == 401
    )


async def test_names_that_an_older_version_let_clash_still_sign_in(
    session, join, anonymous
):
    await join("older name")
    await session.execute(update(User).values(name_form=None, name_skeleton=None))
    await session.commit()

    body = {"username": "older name", "password": PASSWORD}
    assert await sign_in(anonymous, body) == 200


# Passwords that everybody tries first, and one-time passwords.


@pytest.mark.parametrize(
    "password", ["password", "12345678", " " * 8, "qwertyuiop", "zacharias1"]
)
async def test_a_common_password_is_refused_with_the_reason(anonymous, alice, password):
    body = {"username": "zacharias", "password": password}
    change = {"current_password": PASSWORD, "new_password": password}

    made = await anonymous.post("/auth/register", json=body)
    changed = await alice.put("/me/password", json=change)

    assert (made.status_code, made.json()["errors"][0]["code"]) == (
        422,
        "weak_password",
    )
    assert changed.status_code == 422


async def test_a_one_time_password_works_once_and_for_a_day(anonymous, session):
    await administration.create_user(session, username="dora", is_admin=False)
    user = await queries.user_by_name(session, "dora")
    assert user is not None
    user.password_hash = await security.hash_password(PASSWORD)
    await session.commit()
    body = {"username": "dora", "password": PASSWORD}

    first = await sign_in(anonymous, body)
    second = await anonymous.post("/auth/session", json=body)
    change = {"current_password": PASSWORD, "new_password": "lamp-and-owl-7"}
    changed = await anonymous.put("/me/password", json=change)

    assert first == 200
    assert second.status_code == 401
    assert "has ended" in second.json()["detail"]
    assert changed.status_code == 204
    assert await sign_in(anonymous, {**body, "password": "lamp-and-owl-7"}) == 200

    late = func.now() - timedelta(seconds=1)
    values = {"must_change_password": True, "password_expires_at": late}
    await session.execute(update(User).values(values))
    await session.commit()
    session.expire_all()
    assert await sign_in(anonymous, {**body, "password": "lamp-and-owl-7"}) == 401


async def test_a_change_of_password_revokes_keys_where_that_is_wanted(alice):
    await alice.post("/api-keys", json={"name": "k", "scopes": ["read"]})
    change = {"current_password": PASSWORD, "new_password": "lamp-and-owl-7"}

    await alice.put("/me/password", json=change)
    kept = (await alice.get("/api-keys")).json()["items"]
    back = {"current_password": "lamp-and-owl-7", "new_password": PASSWORD}
    await alice.put("/me/password", json={**back, "revoke_keys": True})

    assert len(kept) == 1
    assert (await alice.get("/api-keys")).json()["items"] == []


async def test_a_demoted_administrator_keeps_only_the_keys_of_a_user(
    session, alice, admin
):
    assert admin.user_id
    await administration.set_admin(session, username="alice", is_admin=True)
    for scope in ("admin", "read"):
        await alice.post("/api-keys", json={"name": scope, "scopes": [scope]})

    await administration.set_admin(session, username="alice", is_admin=False)
    await administration.set_admin(session, username="alice", is_admin=True)

    assert [key["name"] for key in (await alice.get("/api-keys")).json()["items"]] == [
        "read"
    ]


async def test_what_concerns_security_is_logged_at_every_level(monkeypatch):
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)  # keeps handlers

    configure_logging("ERROR")

    assert logging.getLogger("cinefold.security").isEnabledFor(logging.INFO)


async def test_sign_ins_are_logged_with_their_address(alice, caplog):
    caplog.set_level("INFO", logger="cinefold.security")

    await sign_in(alice, {"username": "alice", "password": "wrong-pass-word"})
    await sign_in(alice)

    said = f"wrong password for user {alice.user_id} from 127.0.0.1"
    assert said in caplog.text
    assert f"user {alice.user_id} signed in" in caplog.text
