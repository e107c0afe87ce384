"""What an operator does from the shell, through the commands themselves."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import select
from typer.testing import CliRunner

from api.commands import main as cli
from api.queries import server as server_queries
from api.schemas.account import ApiKeyIn
from api.services import administration
from api.services.model_store import ModelStore
from api.storage.database import create_engine, create_session_factory, in_session
from api.storage.embedded_postgres import server_url
from api.tables import ApiKey, User
from api.web.dependencies import Services
from api.web.problems import LastAdministrator, NotFound, UsernameTaken
from tests.conftest import PASSWORD, Client, create_database, keyed

pytestmark = pytest.mark.anyio


async def named(session, username: str) -> User:
    """Read a user."""
    query = select(User).where(User.username == username)
    user: User = (
        await session.execute(query, execution_options={"populate_existing": True})
    ).scalar_one()
    return user


async def sign_in(client: Client, username: str, password: str) -> int:
    """Sign in and return the status."""
    credentials = {"username": username, "password": password}
    return (await client.post("/auth/session", json=credentials)).status_code


# People.


@pytest.mark.parametrize("is_admin", [False, True])
async def test_a_new_user_signs_in_once_and_chooses_a_password(
    anonymous, session, is_admin
):
    password = await administration.create_user(
        session, username="carol", is_admin=is_admin
    )

    assert await sign_in(anonymous, "carol", password) == 200
    me = (await anonymous.get("/me")).json()
    assert me["is_admin"] is is_admin
    assert me["must_change_password"]
    assert (await anonymous.get("/me/sessions")).status_code == 403


async def test_a_taken_name_is_told(session, alice):
    with pytest.raises(UsernameTaken, match="ALICE"):
        await administration.create_user(session, username="ALICE", is_admin=False)
    assert alice.user_id


async def test_who_is_promoted_or_demoted_is_so_at_the_next_request(
    alice, admin, session
):
    before = await alice.get("/training-runs")
    await administration.set_admin(session, username="Alice", is_admin=True)
    promoted = await alice.get("/training-runs")
    await administration.set_admin(session, username="alice", is_admin=False)
    demoted = await alice.get("/training-runs")

    statuses = [reply.status_code for reply in (before, promoted, demoted)]
    assert statuses == [404, 200, 404]
    assert (await admin.get("/training-runs")).status_code == 200


async def test_a_disabled_user_is_out_until_enabled_and_signed_in_anew(
    app, alice, anonymous, session
):
    async with keyed(app, alice, "read") as program:
        await administration.set_disabled(session, username="alice", is_disabled=True)
        out = [await alice.get("/me"), await program.get("/me")]
        refused = await sign_in(anonymous, "alice", PASSWORD)

        await administration.set_disabled(session, username="alice", is_disabled=False)
        back = [await alice.get("/me"), await program.get("/me")]

    assert [reply.status_code for reply in out] == [401, 401]
    assert refused == 401
    assert [reply.status_code for reply in back] == [401, 401]  # the key is revoked
    assert await sign_in(anonymous, "alice", PASSWORD) == 200


async def test_the_last_administrator_stays_one(admin, session, join):
    await join("asleep", is_admin=True, is_disabled=True)

    with pytest.raises(LastAdministrator):
        await administration.set_admin(session, username="root", is_admin=False)
    with pytest.raises(LastAdministrator):
        await administration.set_disabled(session, username="root", is_disabled=True)
    await administration.set_admin(session, username="asleep", is_admin=False)

    assert (await named(session, "root")).is_admin
    assert not (await named(session, "asleep")).is_admin
    assert (await admin.get("/training-runs")).status_code == 200


async def test_nobody_of_that_name_is_told(session):
    for call in (
        administration.set_admin(session, username="zoe", is_admin=True),
        administration.set_disabled(session, username="zoe", is_disabled=True),
        administration.create_key(
            session, username="zoe", body=ApiKeyIn(name="k", scopes=["read"])
        ),
    ):
        with pytest.raises(NotFound, match="There is no user zoe"):
            await call


# Keys.


@pytest.mark.parametrize(
    ("flags", "scope", "is_allowed"),
    [({}, "rate", True), ({}, "serve", False), ({"is_admin": True}, "serve", True)],
)
async def test_a_key_for_a_user_is_within_what_they_may_do(
    app, join, session, flags, scope, is_allowed
):
    dave = await join("dave", **flags)
    body = ApiKeyIn(name="k", scopes=[scope], expires_in_days=1)

    if not is_allowed:
        with pytest.raises(Exception, match="not valid"):
            await administration.create_key(session, username="dave", body=body)
        return
    created = await administration.create_key(session, username="dave", body=body)

    async with Client(app, **{"x-api-key": created.key}) as program:
        assert (await program.get("/me")).json()["id"] == dave.user_id


async def test_all_keys_are_listed_and_any_can_be_revoked(app, alice, bob, session):
    async with keyed(app, alice, "read") as first, keyed(app, bob, "read") as second:
        listed = await administration.list_keys(session)
        await administration.revoke_key(session, key_id=listed[1][0].id)

        replies = [await first.get("/me"), await second.get("/me")]

    assert [owner for _, owner in listed] == ["bob", "alice"]
    assert [reply.status_code for reply in replies] == [401, 200]
    with pytest.raises(NotFound, match="key list"):
        await administration.revoke_key(session, key_id=listed[1][0].id)


# The pages of administrators.


async def test_accounts_are_listed_newest_first_and_searched_by_name(admin, alice, bob):
    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 4})

    page = (await admin.get("/users?limit=2")).json()
    rest = (await admin.get(f"/users?limit=2&cursor={page['next_cursor']}")).json()
    found = (await admin.get("/users?search=LIC")).json()["items"]
    nobody = (await admin.get("/users", params={"search": "%"})).json()

    names = [user["username"] for user in page["items"] + rest["items"]]
    assert names == ["bob", "alice", "root"]
    assert rest["next_cursor"] is None
    assert [(user["username"], user["n_ratings"]) for user in found] == [("alice", 1)]
    assert found[0]["last_seen_at"] is not None
    assert nobody["items"] == []
    assert bob.user_id == page["items"][0]["id"]


async def test_an_account_made_by_an_administrator_has_a_one_time_password(
    admin, anonymous, caplog
):
    caplog.set_level("INFO", logger="cinefold.security")
    reply = await admin.post("/users", json={"username": "carol", "is_admin": True})
    again = await admin.post("/users", json={"username": "Carol"})

    made = reply.json()
    password = made["one_time_password"]
    assert (reply.status_code, again.status_code) == (201, 409)
    assert (made["is_admin"], made["must_change_password"]) == (True, True)
    assert await sign_in(anonymous, "carol", password) == 200
    assert f"user {admin.user_id} created user {made['id']}" in caplog.text
    assert password not in caplog.text
    assert password not in (await admin.get("/users")).text


async def test_an_administrator_promotes_locks_and_unlocks(
    admin, alice, anonymous, caplog
):
    caplog.set_level("INFO", logger="cinefold.security")
    path = f"/users/{alice.user_id}"
    promoted = await admin.patch(path, json={"is_admin": True})
    may = await alice.get("/storage")
    locked = await admin.patch(path, json={"is_disabled": True})
    out = await alice.get("/me")
    await admin.patch(path, json={"is_admin": False, "is_disabled": False})
    unchanged = await admin.patch(path, json={})

    assert promoted.json()["is_admin"]
    assert (may.status_code, out.status_code) == (200, 401)
    assert locked.json()["last_seen_at"] is None
    assert (unchanged.json()["is_admin"], unchanged.json()["is_disabled"]) == (
        False,
        False,
    )
    assert await sign_in(anonymous, "alice", PASSWORD) == 200
    said = f"user {admin.user_id} changed user {alice.user_id}: {{'is_disabled': True}}"
    assert said in caplog.text


@pytest.mark.parametrize("change", [{"is_admin": False}, {"is_disabled": True}])
async def test_the_last_administrator_cannot_lock_everybody_out(admin, change):
    refused = await admin.patch(f"/users/{admin.user_id}", json=change)

    assert refused.status_code == 409
    assert refused.json()["type"].endswith("last-administrator")
    assert (await admin.get("/users")).json()["items"][0]["is_admin"]


async def test_an_administrator_sees_and_revokes_the_keys_of_everybody(
    app, admin, alice, bob, caplog
):
    caplog.set_level("INFO", logger="cinefold.security")
    async with keyed(app, alice, "read") as first, keyed(app, bob, "rate") as second:
        page = (await admin.get("/users/api-keys?limit=1")).json()
        cursor = page["next_cursor"]
        rest = (await admin.get(f"/users/api-keys?limit=1&cursor={cursor}")).json()
        path = f"/users/api-keys/{rest['items'][0]['id']}"
        revoked = await admin.delete(path)
        again = await admin.delete(path)
        replies = [await first.get("/me"), await second.get("/me")]

    keys = [(key["owner"], key["scopes"]) for key in page["items"] + rest["items"]]
    assert keys == [("bob", ["rate"]), ("alice", ["read"])]
    assert rest["next_cursor"] is None
    assert (revoked.status_code, again.status_code) == (204, 404)
    assert [reply.status_code for reply in replies] == [401, 200]
    assert f"user {admin.user_id} revoked key" in caplog.text


@pytest.mark.parametrize("user_id", [1, 2_000_000_000], ids=["imported", "unknown"])
async def test_who_has_no_account_cannot_be_changed(admin, user_id):
    reply = await admin.patch(f"/users/{user_id}", json={"is_admin": True})

    assert reply.status_code == 404


async def test_storage_tells_what_takes_up_the_disk(admin, trained, models_dir):
    told = (await admin.get("/storage")).json()

    tables = {table["name"]: table for table in told["tables"]}
    sizes = [table["n_bytes"] for table in told["tables"]]
    files = sum(
        path.stat().st_size
        for path in (models_dir / "first").iterdir()
        if path.name != "manifest.json"
    )
    assert tables["ratings"]["n_bytes"] > 1_000_000
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) < told["database_bytes"]
    assert told["models"] == [
        {"model_id": trained.id, "is_active": True, "n_bytes": files}
    ]
    assert told["models_bytes"] == files
    assert 0 < told["disk_free_bytes"] < told["disk_total_bytes"]
    assert not told["is_database_embedded"]


async def test_the_database_in_the_data_folder_is_told_from_any_other(
    session, settings, tmp_path
):
    with server_url(tmp_path / "other"):
        other = settings.model_copy(update={"data_dir": tmp_path / "other"})
        assert not (await administration.storage(session, other)).is_database_embedded
    folder = Path(await server_queries.host(session))
    own = settings.model_copy(update={"data_dir": folder.parent})

    told = await administration.storage(session, own)

    assert told.is_database_embedded == ("TEST_DATABASE_URL" not in os.environ)


# The commands.

Run = Callable[..., str]


@pytest.fixture
def url(server, template, monkeypatch, tmp_path) -> str:
    """A database of the test's own, which the environment names."""
    url = create_database(server, "cinefold_administration", template=template)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return url


@pytest.fixture
def run(url: str) -> Run:
    """Run a command that must succeed; return what it prints."""
    assert url

    def command(*arguments: str) -> str:
        result = CliRunner().invoke(cli.app, list(arguments))
        assert result.exit_code == 0, result.output
        return result.stdout

    return command


def fail(monkeypatch, capsys, *arguments: str) -> str:
    """Run a command that must fail, as the shell would; return what it says."""
    monkeypatch.setattr("sys.argv", ["cinefold", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in {1, 2}
    return " ".join(capsys.readouterr().err.split())


def test_people_and_keys_are_managed_from_the_shell(run, url, settings):
    password = run("user", "create", "carol", "--admin").strip()
    run("user", "create", "dave")
    run("user", "promote", "dave")
    key = run("key", "create", "shop", "--scope", "serve", "--user", "dave").strip()
    owned = run("key", "create", "nightly", "--scope", "read", "--days", "7").strip()
    listed = run("key", "list")
    run("key", "revoke", "1")
    run("user", "demote", "dave")
    run("user", "disable", "dave")
    run("user", "enable", "dave")

    assert len(password) == 20
    assert key.startswith("cinefold_")
    assert key not in listed
    assert owned not in listed
    assert re.search(r"1 .*dave .*shop .*serve", listed)
    assert re.search(r"2 .*carol .*nightly .*read", listed)

    async def left(session):
        names = await session.scalars(select(ApiKey.name))
        return list(names), (await named(session, "dave")).is_admin

    assert in_session(settings, url, left) == (["nightly"], False)


def test_models_are_listed_in_the_shell(run, url):
    bounds = dict.fromkeys(("low", "high", "n_users", "n_excluded"), 1)
    measured = {"name": "rating head", "rmse": {"value": 0.81234, **bounds}}
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.execute(
            "INSERT INTO models (folder, manifest) SELECT 'second', jsonb_set("
            " manifest, '{details,evaluation}', %s) FROM models",
            (Jsonb({"methods": [measured]}),),
        )

    first, second = [
        line.replace(" ", "").split("│")[1:-1]
        for line in run("models").splitlines()
        if "trained" in line
    ]

    assert first[:2] == ["2", ""]
    assert first[-2:] == ["0.8123", "-"]
    assert second[:2] == ["1", "yes"]
    assert second[4:] == ["100,004", "-", "-"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("user", "create", "x"), "at least 3 characters"),
        (("user", "create", "a\u200bb c"), "letters, digits"),
        (("user", "promote", "nobody"), "There is no user nobody"),
        (("key", "create", "k", "--scope", "everything"), "SCOPES_0"),
        (("key", "create", "k", "--scope", "read", "--days", "0"), "EXPIRES_IN_DAYS"),
        (("key", "create", "k", "--scope", "read"), "There is no administrator yet"),
        (("key", "revoke", "7"), "There is no key 7"),
    ],
)
def test_what_cannot_be_done_is_one_line(url, monkeypatch, capsys, arguments, said):
    assert url
    assert said in fail(monkeypatch, capsys, *arguments)


async def test_a_user_made_in_the_shell_signs_in_to_the_service(
    app, settings, server, template
):
    url = create_database(server, "cinefold_administration", template=template)
    engine = create_engine(settings, url)
    sessions = create_session_factory(engine)
    async with sessions() as session:
        password = await administration.create_user(
            session, username="carol", is_admin=False
        )
    store = ModelStore(settings.models_dir, sessions)
    app.state.services = Services(settings, sessions, store)

    async with Client(app) as client:
        status = await sign_in(client, "carol", password)
    await engine.dispose()

    assert status == 200
