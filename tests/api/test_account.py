"""One's own account: where it is signed in, everything it holds, and its end."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from api.queries.snapshot import read_snapshot
from api.services.auth import IDLE_TIMEOUT
from api.services.model_store import ModelStore
from api.storage.database import create_engine, create_session_factory
from api.tables import Model, Rating, Session, SignInFailure, Source, Table, User
from api.web.dependencies import Services
from api.web.security import token_hash
from tests.api.test_experiments import planned
from tests.api.test_profiles import vote
from tests.conftest import PASSWORD, Client, create_database, keyed

pytestmark = pytest.mark.anyio

ALICE = {"username": "alice", "password": PASSWORD}
TOY_STORY, HEAT = 1, 6


async def sign_in(client: Client, **headers: str) -> None:
    """Sign in as alice."""
    reply = await client.post("/auth/session", json=ALICE, headers=headers)
    assert reply.status_code == 200


async def sessions_of(client: Client) -> list[dict[str, Any]]:
    """List a client's sessions."""
    items: list[dict[str, Any]] = (await client.get("/me/sessions")).json()["items"]
    return items


# Sessions.


async def test_sessions_are_listed_with_their_browsers(alice, anonymous):
    await sign_in(anonymous, **{"user-agent": "Lynx/2.9"})

    mine, others = await sessions_of(alice), await sessions_of(anonymous)

    assert {item["id"] for item in mine} == {item["id"] for item in others}
    assert [i["id"] for i in mine if i["is_current"]] != [
        i["id"] for i in others if i["is_current"]
    ]
    assert {item["user_agent"] for item in mine} == {None, "Lynx/2.9"}
    current = next(item for item in others if item["is_current"])
    assert current["user_agent"] == "Lynx/2.9"
    assert set(current) == {
        "id", "user_agent", "created_at", "last_seen_at", "is_current"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("x" * 500, "x" * 200), ("a\tb\x85c\xe9", "abcé"), ("", None), ("\t", None)],
)
async def test_what_a_browser_calls_itself_is_cut_and_printable(
    anonymous, alice, sent, kept
):
    headers = {
        b"user-agent": sent.encode("latin-1"),
        b"origin": b"http://127.0.0.1:8000",
    }
    reply = await anonymous.post("/auth/session", json=ALICE, headers=headers)
    assert reply.status_code == 200

    current = next(s for s in await sessions_of(anonymous) if s["is_current"])

    assert current["user_agent"] == kept
    assert (await alice.get("/me")).status_code == 200


async def test_a_session_can_be_ended_from_another(alice, anonymous):
    await sign_in(anonymous)
    other = next(s for s in await sessions_of(alice) if not s["is_current"])

    ended = await alice.delete(f"/me/sessions/{other['id']}")
    again = await alice.delete(f"/me/sessions/{other['id']}")

    assert (ended.status_code, again.status_code) == (204, 404)
    assert (await anonymous.get("/me")).status_code == 401
    assert (await alice.get("/me")).status_code == 200
    assert len(await sessions_of(alice)) == 1


async def test_ones_own_session_can_be_ended_by_its_id(alice):
    current = (await sessions_of(alice))[0]

    assert (await alice.delete(f"/me/sessions/{current['id']}")).status_code == 204

    assert (await alice.get("/me")).status_code == 401


async def test_anothers_session_looks_like_a_missing_one(alice, bob):
    [theirs] = await sessions_of(bob)

    anothers = await alice.delete(f"/me/sessions/{theirs['id']}")
    unknown = await alice.delete("/me/sessions/2000000000")

    assert anothers.status_code == unknown.status_code == 404
    assert {**anothers.json(), "request_id": 0} == {**unknown.json(), "request_id": 0}
    assert (await bob.get("/me")).status_code == 200


async def test_all_other_sessions_end_at_once(alice, bob, anonymous):
    await sign_in(anonymous)

    reply = await alice.delete("/me/sessions")

    assert reply.status_code == 204
    assert (await anonymous.get("/me")).status_code == 401
    assert [s["is_current"] for s in await sessions_of(alice)] == [True]
    assert (await bob.get("/me")).status_code == 200


async def test_dead_sessions_are_not_listed(alice, anonymous, session):
    await sign_in(anonymous)
    await session.execute(
        update(Session)
        .where(Session.token_hash == token_hash(anonymous.cookies["session"]))
        .values(last_seen_at=func.now() - IDLE_TIMEOUT)
    )
    await session.commit()

    assert len(await sessions_of(alice)) == 1


# Export.


async def test_the_export_holds_everything_that_is_stored_and_no_secret(alice, session):
    await alice.put(f"/ratings/{alice.user_id}/{TOY_STORY}", json={"value": 4.5})
    await alice.put(f"/ratings/{alice.user_id}/{HEAT}", json={"value": 2})
    key = await alice.post("/api-keys", json={"name": "mine", "scopes": ["read"]})

    reply = await alice.get("/me/export")

    exported = reply.json()
    assert reply.headers["content-disposition"].startswith("attachment")
    assert exported["user"] == (await alice.get("/me")).json()
    assert exported["sessions"] == await sessions_of(alice)
    assert exported["api_keys"] == (await alice.get("/api-keys")).json()["items"]
    by_movie = {rating["movie_id"]: rating for rating in exported["ratings"]}
    assert by_movie[HEAT]["title"] == "Heat"
    stored = await session.execute(
        select(Rating.movie_id, Rating.value).where(Rating.user_id == alice.user_id)
    )
    assert {i: r["value"] for i, r in by_movie.items()} == dict(list(stored))
    user = await session.get(User, alice.user_id)
    for secret in (key.json()["key"], alice.cookies["session"], user.password_hash):
        assert secret not in reply.text


async def test_the_export_holds_opinions_votes_hidden_movies_and_exposures(
    admin, alice, bob, trained, session
):
    draft = (await admin.post("/experiments", json=planned(trained.id))).json()["id"]
    await vote(alice, session, TOY_STORY, "like")
    await admin.post(f"/experiments/{draft}/start")
    made = (await alice.get(f"/recommendations/{alice.user_id}?limit=1")).json()
    movie = made["items"][0]["movie"]["id"]
    body = {"recommendation_id": made["recommendation_id"], "movie_id": movie}
    await alice.put("/feedback", json={**body, "vote": "dislike"})
    await vote(bob, session, HEAT, "like")
    await alice.put(f"/hidden/{alice.user_id}/{HEAT}")

    exported = (await alice.get("/me/export")).json()

    variant = made["experiment"]["id"], made["experiment"]["variant"]
    assert {
        (each["movie_id"], each["vote"], each["experiment_id"], each["variant"])
        for each in exported["votes"]
    } == {(TOY_STORY, "like", None, None), (movie, "dislike", *variant)}
    opinions = {each["movie_id"]: each["vote"] for each in exported["opinions"]}
    assert opinions == {TOY_STORY: "like", movie: "dislike"}
    assert [each["title"] for each in exported["hidden_movies"]] == ["Heat"]
    exposures = exported["exposures"]
    assert [(each["experiment_id"], each["variant"]) for each in exposures] == [variant]
    await alice.post("/me/deletion", json={"password": PASSWORD})
    assert await n_rows_of(session, alice.user_id) == 0


async def test_the_export_holds_imports_proposals_and_remarks(
    alice, bob, session, trained
):
    created = await propose(alice, session, trained)
    path = f"/code-proposals/{created['id']}/comments"
    for client, remark in ((alice, "Mine."), (bob, "Not mine.")):
        await client.post(path, json={"text": remark})
        await client.post(
            f"/ratings/{client.user_id}/import",
            content=f"movie_id,rating\n{HEAT},4\n",
            headers={"content-type": "text/csv"},
        )

    exported = (await alice.get("/me/export")).json()

    [proposal] = exported["code_proposals"]
    assert proposal.items() <= created.items()
    assert {"diff", "comment", "status"} <= proposal.keys()
    [remark] = exported["code_comments"]
    assert (remark["proposal_id"], remark["text"]) == (created["id"], "Mine.")
    mine = await alice.get(f"/ratings/{alice.user_id}/imports")
    assert exported["imports"] == mine.json()["items"]
    assert len(exported["imports"]) == 1


async def propose(client: Client, session, trained) -> Any:
    """Propose an edit of the code that trained the model."""
    session.add(Source(sha256="5ha", modules={"engine/training/fit.py": "a = 1\n"}))
    await session.flush()
    await session.execute(update(Model).values(source="5ha"))
    await session.commit()
    body = {"model_id": trained.id, "path": "engine/training/fit.py", "text": "a = 2\n"}
    reply = await client.post("/code-proposals", json={**body, "comment": "More."})
    assert reply.status_code == 201
    return reply.json()


async def test_the_export_holds_nobody_elses_rows(alice, bob):
    await bob.put(f"/ratings/{bob.user_id}/{TOY_STORY}", json={"value": 1})
    await bob.post("/api-keys", json={"name": "bob's", "scopes": ["read"]})

    exported = (await alice.get("/me/export")).json()

    assert exported["ratings"] == []
    assert exported["api_keys"] == []
    assert len(exported["sessions"]) == 1
    assert "bob" not in json.dumps(exported)


# Deletion.


def tables_of_users() -> list[tuple[str, str]]:
    """List every column that names a user."""
    return [
        (table.name, key.parent.name)
        for table in Table.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == "users"
    ]


async def n_rows_of(session, user_id: int) -> int:
    """Count the rows of all tables that name a user."""
    total = await session.scalar(
        text("SELECT count(*) FROM users WHERE id = :id"), {"id": user_id}
    )
    for table, column in tables_of_users():
        query = f"SELECT count(*) FROM {table} WHERE {column} = :id"  # noqa: S608 - names of ours
        total += await session.scalar(text(query), {"id": user_id})
    return int(total)


async def test_a_deleted_account_leaves_no_row(app, alice, anonymous, session):
    await alice.put(f"/ratings/{alice.user_id}/{TOY_STORY}", json={"value": 4.5})
    before = (await anonymous.get(f"/movies/{TOY_STORY}")).json()["n_ratings"]
    wrong = {"username": "ALICE", "password": "wrong password"}
    await anonymous.post("/auth/session", json=wrong)
    async with keyed(app, alice, "read") as program:
        assert (
            await n_rows_of(session, alice.user_id) == 4
        )  # user, session, key, rating

        reply = await alice.post("/me/deletion", json={"password": PASSWORD})

        assert reply.status_code == 204
        assert "session" not in alice.cookies
        assert (await program.get("/me")).status_code == 401
    assert await n_rows_of(session, alice.user_id) == 0
    assert await session.scalar(select(func.count(SignInFailure.id))) == 0
    assert (await anonymous.get("/me")).status_code == 401
    assert (await anonymous.post("/auth/session", json=ALICE)).status_code == 401
    after = (await anonymous.get(f"/movies/{TOY_STORY}")).json()["n_ratings"]
    assert after == before - 1


async def test_proposals_and_remarks_stay_without_the_name_of_a_deleted_account(
    alice, bob, session, trained
):
    created = await propose(alice, session, trained)
    path = f"/code-proposals/{created['id']}"
    said = (await alice.post(f"{path}/comments", json={"text": "Why?"})).json()

    await alice.post("/me/deletion", json={"password": PASSWORD})

    found = await bob.get(path)
    unnamed = [{**remark, "author": None} for remark in said["comments"]]
    assert found.json() == {**said, "author": None, "comments": unnamed}
    assert "alice" not in found.text
    assert await n_rows_of(session, alice.user_id) == 0


async def test_a_copied_cookie_is_worth_nothing_after_deletion(app, alice):
    copied = alice.cookies["session"]

    await alice.post("/me/deletion", json={"password": PASSWORD})

    async with Client(app, cookie=f"session={copied}") as thief:
        assert (await thief.get("/me")).status_code == 401


async def test_an_account_is_not_deleted_without_its_password(alice, session):
    before = await n_rows_of(session, alice.user_id)

    wrong = await alice.post("/me/deletion", json={"password": "wrong password"})
    missing = await alice.post("/me/deletion", json={})

    assert (wrong.status_code, missing.status_code) == (401, 422)
    assert await n_rows_of(session, alice.user_id) == before
    assert (await alice.get("/me")).status_code == 200


async def test_guessing_the_password_for_a_deletion_is_limited(alice, session):
    guess = {"username": "alice", "address": "127.0.0.1"}
    session.add_all(SignInFailure(**guess) for _ in range(10))
    await session.commit()

    reply = await alice.post("/me/deletion", json={"password": PASSWORD})

    assert reply.status_code == 429


async def test_the_last_administrator_stays(admin, join):
    alone = await admin.post("/me/deletion", json={"password": PASSWORD})
    await join("second", is_admin=True, is_disabled=True)
    with_disabled = await admin.post("/me/deletion", json={"password": PASSWORD})
    await join("third", is_admin=True)
    with_another = await admin.post("/me/deletion", json={"password": PASSWORD})

    assert alone.status_code == with_disabled.status_code == 409
    assert alone.json()["type"] == "/problems/last-administrator"
    assert with_another.status_code == 204


async def test_the_next_model_is_trained_without_a_deleted_account(
    app, settings, server, template
):
    url = create_database(server, "cinefold_deletion", template=template)
    engine = create_engine(settings, url)
    sessions = create_session_factory(engine)
    app.state.services = Services(settings, sessions, ModelStore(Path(), sessions))
    async with Client(app) as client:
        me = (await client.post("/auth/register", json=ALICE)).json()["id"]
        await client.put(f"/ratings/{me}/{TOY_STORY}", json={"value": 5})
        before = read_snapshot(url).ratings

        await client.post("/me/deletion", json={"password": PASSWORD})

        after = read_snapshot(url).ratings
    await engine.dispose()
    assert me in before.user_ids
    assert me not in after.user_ids
    assert after.n_ratings == before.n_ratings - 1
