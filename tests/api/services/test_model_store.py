"""The served model: swapped when a newer one is active, kept when that is broken."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import psycopg
import pytest
from sqlalchemy import insert, update

from api.services.model_store import CHANNEL, ModelStore
from api.settings import libpq_url
from api.tables import Model
from engine.model.files import save_model

pytestmark = pytest.mark.anyio


@pytest.fixture
def folders(models_dir, tmp_path):
    """A folder of models of this test alone, with the trained one in it."""
    shutil.copytree(models_dir / "first", tmp_path / "first")
    return tmp_path


@pytest.fixture
def store(folders, sessions, services, app):
    """The model store of the application, on that folder."""
    store = ModelStore(folders, sessions)
    app.state.services = replace(services, model_store=store)
    return store


async def activate(session, folder: str) -> int:
    """Make a model row the active one and return its id."""
    await session.execute(update(Model).values(is_active=False))
    values = {"folder": folder, "manifest": {}, "is_active": True}
    model_id = await session.scalar(insert(Model).values(values).returning(Model.id))
    await session.commit()
    return int(model_id)


async def served(client) -> int | None:
    """Ask for recommendations and return the id of the model that made them."""
    reply = await client.post("/recommendations", json={"ratings": []})
    assert reply.status_code == 200
    assert reply.json()["items"]
    model = reply.json()["model"]
    return None if model is None else int(model["id"])


async def test_a_reply_names_the_model_that_made_it(anonymous, store, trained):
    assert await served(anonymous) is None

    await store.refresh()

    assert await served(anonymous) == trained.id


async def test_a_newer_active_model_takes_over(anonymous, session, store, folders):
    await store.refresh()
    before = store.current
    save_model(before.model, folders / "second", details={})
    newer = await activate(session, "second")

    await store.refresh()

    assert await served(anonymous) == newer
    assert store.current is not before
    assert before.id != newer  # a request under way keeps the one it began with


async def test_the_model_in_use_is_not_loaded_again(store):
    await store.refresh()
    before = store.current

    await store.refresh()

    assert store.current is before


def change_array(folder: Path, change: Callable[[bytes], bytes]) -> None:
    """Write an array file anew with changed bytes."""
    path = min(folder.glob("*.npy"))
    changed = change(path.read_bytes())
    path.unlink()
    path.write_bytes(changed)


BREAKS = {
    "missing": shutil.rmtree,
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "no JSON": lambda folder: (folder / "manifest.json").write_text("{"),
    "other format": lambda folder: (folder / "manifest.json").write_text(
        json.dumps({"format": "pickle"})
    ),
    "cut array": lambda folder: change_array(folder, lambda data: data[:-1]),
    "flipped bit": lambda folder: change_array(
        folder, lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
    ),
}


@pytest.mark.parametrize("damage", BREAKS.values(), ids=BREAKS)
async def test_a_damaged_model_is_refused_once_and_the_old_one_serves(
    anonymous, session, store, folders, trained, caplog, damage
):
    await store.refresh()
    save_model(store.current.model, folders / "second", details={})
    await activate(session, "second")
    damage(folders / "second")

    for _ in range(3):
        await store.refresh()

    assert await served(anonymous) == trained.id
    refused = [record for record in caplog.records if "refused" in record.message]
    assert len(refused) == 1


async def test_after_a_damaged_model_a_good_one_takes_over(
    anonymous, session, store, folders
):
    await store.refresh()
    await activate(session, "nowhere")
    await store.refresh()
    save_model(store.current.model, folders / "third", details={})
    third = await activate(session, "third")

    await store.refresh()

    assert await served(anonymous) == third


async def test_with_damaged_models_only_the_list_is_by_popularity(
    anonymous, store, folders
):
    shutil.rmtree(folders / "first")

    await store.refresh()

    ready = (await anonymous.get("/health/ready")).json()
    assert await served(anonymous) is None
    assert ready["degraded"]


async def test_without_any_model_nothing_is_served(session, store):
    await session.execute(update(Model).values(is_active=False))
    await session.commit()

    await store.refresh()

    assert store.current is None


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, for ten seconds at most."""
    with anyio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - the store has no event to wait for
            await anyio.sleep(0.01)


async def test_a_notification_brings_the_newer_model(
    session, store, folders, database_url
):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.follow, database_url)
        await until(lambda: store.current)
        before = store.current
        save_model(before.model, folders / "second", details={})
        newer = await activate(session, "second")
        conninfo = libpq_url(database_url)
        async with await psycopg.AsyncConnection.connect(conninfo) as other:
            await other.execute(f"NOTIFY {CHANNEL}")

        await until(lambda: store.current is not before)
        tasks.cancel_scope.cancel()

    assert store.current.id == newer


async def test_a_database_that_is_away_is_asked_again(store, caplog):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.follow, "postgresql+psycopg://127.0.0.1:1/none")

        await until(lambda: len(caplog.records) > 1)
        tasks.cancel_scope.cancel()

    assert {record.getMessage() for record in caplog.records} == {
        "no notifications: OperationalError"
    }
