"""The registry: cards, comparison, activation, rolling back, deleting, importing."""

import io
import itertools
import shutil
import time
import warnings
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
import psutil
import pytest
from sqlalchemy import insert, select, text, update

from api.queries import training as training_queries
from api.services import models
from api.services.model_store import ModelStore
from api.tables import Expectation, Model
from engine.errors import ArtifactError
from engine.jobs.memory import peak_bytes, reset_peak
from engine.model.files import load_model, save_model
from tests.engine.model.test_interchange import HEAD, write

pytestmark = pytest.mark.anyio

UNKNOWN = 2_000_000_000
TOY_STORY, TOY_STORY_2 = 1, 3114
ESTIMATE = {"value": 0.9, "low": 0.8, "high": 1.0, "n_users": 5, "n_excluded": 0}
METHOD = {"rmse": ESTIMATE, "mae": None, "ndcg": None, "recall": None, "coverage": 0.5}
EVALUATION = {
    "test_share": 0.1,
    "n_train": 90,
    "n_test": 10,
    "fold_in_parity": 1e-6,
    "methods": [{"name": name, **METHOD} for name in ("rating head", "ranking head")],
}
DETAILS: dict[str, Any] = {
    "seed": 3,
    "preset": "default",
    "code_version": "0.1.0",
    "wall_seconds": 2.5,
    "peak_bytes": 1000,
    "data": {"cutoff": "2026-01-01T00:00:00+00:00", "n_changes": 0},
    "evaluation": EVALUATION,
}


@pytest.fixture
def folders(models_dir, tmp_path, sessions, services, app):
    """The models folder of this test alone, with the trained model in it."""
    shutil.copytree(models_dir / "first", tmp_path / "first")
    store = ModelStore(tmp_path, sessions)
    store.current = services.model_store.current
    app.state.services = replace(services, model_store=store)
    return tmp_path


async def add(session, folders, folder: str, **details: Any) -> int:
    """Publish a copy of the trained model that does not serve."""
    model = load_model(folders / "first")
    manifest = save_model(model, folders / folder, details={**DETAILS, **details})
    values = {"folder": folder, "manifest": asdict(manifest)}
    model_id = await session.scalar(insert(Model).values(values).returning(Model.id))
    await session.commit()
    return int(model_id)


async def active_id(session):
    return await session.scalar(select(Model.id).where(Model.is_active))


async def test_models_are_listed_newest_first_page_by_page(admin, session, folders):
    second = await add(session, folders, "second")
    third = await add(session, folders, "third")

    page = (await admin.get("/models?limit=2")).json()
    rest = (await admin.get(f"/models?limit=2&cursor={page['next_cursor']}")).json()

    assert [model["id"] for model in page["items"]] == [third, second]
    assert [model["is_active"] for model in rest["items"]] == [True]
    assert rest["next_cursor"] is None
    assert page["items"][0]["rmse"]["value"] == 0.9
    assert rest["items"][0]["rmse"] is None


async def test_a_card_tells_what_was_recorded_and_null_where_nothing_was(
    admin, session, folders, trained
):
    model_id = await add(session, folders, "second")

    card = (await admin.get(f"/models/{model_id}")).json()
    bare = (await admin.get(f"/models/{trained.id}")).json()

    assert card["seed"] == 3
    assert card["peak_bytes"] == 1000
    assert card["evaluation"]["methods"][0]["rmse"] == ESTIMATE
    assert card["data_cutoff"] == "2026-01-01T00:00:00Z"
    assert card["n_changes_since"] == await training_queries.n_changes(session)
    assert card["n_ratings"] == trained.model.n_ratings
    assert card["parameters"]["rating"]["n_factors"] == trained.model.rating.n_factors
    files = (folders / "second").glob("*.npy")
    assert card["n_bytes"] == sum(path.stat().st_size for path in files)
    assert bare["n_changes_since"] is bare["evaluation"] is bare["seed"] is None
    assert (await admin.get(f"/models/{UNKNOWN}")).status_code == 404


async def test_a_comparison_shows_only_the_parameters_that_differ(
    admin, session, folders, trained
):
    model = trained.model
    configuration = replace(model.ranking.configuration, user_weight=9.0)
    other = replace(model, ranking=replace(model.ranking, configuration=configuration))
    manifest = save_model(other, folders / "other", details={})
    session.add(Model(folder="other", manifest=asdict(manifest)))
    await session.commit()
    other_id = await session.scalar(select(Model.id).where(Model.folder == "other"))

    found = await admin.get(f"/models/{trained.id}/comparison/{other_id}")
    same = await admin.get(f"/models/{trained.id}/comparison/{trained.id}")

    assert found.json()["differences"] == [
        {
            "head": "ranking",
            "name": "user_weight",
            "first": model.ranking.configuration.user_weight,
            "second": 9.0,
        }
    ]
    assert same.json()["differences"] == []


async def test_a_model_activated_serves_alone_and_rolling_back_undoes_it(
    admin, session, folders, trained
):
    second = await add(session, folders, "second")

    activated = await admin.post(f"/models/{second}/activate")
    after = await active_id(session)
    undone = await admin.post("/models/rollback")
    back = await active_id(session)
    redone = await admin.post("/models/rollback")

    assert activated.json()["is_active"]
    assert activated.json()["last_active_at"] is not None
    assert (after, back, await active_id(session)) == (second, trained.id, second)
    assert undone.json()["id"] == trained.id
    assert redone.json()["id"] == second


async def test_without_a_model_before_there_is_nothing_to_roll_back_to(
    admin, session, folders
):
    await add(session, folders, "never active")

    assert (await admin.post("/models/rollback")).status_code == 409


async def test_a_damaged_model_is_neither_activated_nor_rolled_back_to(
    admin, session, folders, trained
):
    second = await add(session, folders, "second")
    await admin.post(f"/models/{second}/activate")
    shutil.rmtree(folders / "first")

    activated = await admin.post(f"/models/{trained.id}/activate")
    rolled_back = await admin.post("/models/rollback")

    assert activated.status_code == rolled_back.status_code == 409
    assert "files" in activated.json()["detail"]
    assert await active_id(session) == second


async def expect(session, name: str, movie_id: int) -> None:
    """Expect a movie in the top ten of somebody who loves Toy Story."""
    session.add(
        Expectation(
            name=name,
            ratings=[{"movie_id": TOY_STORY, "value": 5.0}],
            expected=[{"movie_id": movie_id, "within": 10}],
        )
    )
    await session.commit()


async def test_a_model_that_fails_an_expectation_is_not_activated(
    admin, session, folders, trained
):
    second = await add(session, folders, "second")
    await expect(session, "toys", TOY_STORY_2)
    met = await admin.get(f"/models/{second}/checks")
    await expect(session, "nonsense", UNKNOWN)

    missed = await admin.get(f"/models/{second}/checks")
    reply = await admin.post(f"/models/{second}/activate")

    assert met.json()["passed"]
    lines = {line["name"]: line["passed"] for line in missed.json()["items"]}
    assert lines == {
        "files": True, "fold-in parity": True, "toys": True, "nonsense": False
    }  # fmt: skip
    assert reply.status_code == 409
    assert "nonsense" in reply.json()["detail"]
    assert await active_id(session) == trained.id


async def test_a_model_whose_users_cannot_be_folded_in_is_not_activated(
    admin, session, folders
):
    evaluation = {**EVALUATION, "fold_in_parity": 0.5}
    second = await add(session, folders, "second", evaluation=evaluation)

    reply = await admin.post(f"/models/{second}/activate")

    assert reply.status_code == 409
    assert "fold-in parity" in reply.json()["detail"]


async def test_a_model_deleted_is_gone_with_its_files(admin, session, folders):
    second = await add(session, folders, "second")

    reply = await admin.delete(f"/models/{second}")

    assert reply.status_code == 204
    assert not (folders / "second").exists()
    assert (await admin.get(f"/models/{second}")).status_code == 404
    assert (await admin.delete(f"/models/{second}")).status_code == 404


async def test_neither_the_active_model_nor_a_pinned_one_can_be_deleted(
    admin, session, folders, trained
):
    second = await add(session, folders, "second")
    await session.execute(
        text("CREATE TABLE pins (model_id integer REFERENCES models)")
    )
    await session.execute(text("INSERT INTO pins VALUES (:id)"), {"id": second})
    await session.commit()

    pinned = await admin.delete(f"/models/{second}")
    serving = await admin.delete(f"/models/{trained.id}")

    assert pinned.status_code == serving.status_code == 409
    assert "pinned" in pinned.json()["detail"]
    assert {path.name for path in folders.iterdir()} == {"first", "second"}
    assert (await admin.get(f"/models/{second}")).status_code == 200


async def test_anybody_signed_in_learns_how_much_the_model_does_not_know(
    alice, admin, session, folders
):
    known = await training_queries.n_changes(session)
    data = {"cutoff": "2026-01-01T00:00:00+00:00", "n_changes": known}
    second = await add(session, folders, "second", data=data)
    await admin.post(f"/models/{second}/activate")
    before = (await alice.get("/models/active")).json()

    await alice.put(f"/ratings/{alice.user_id}/{TOY_STORY}", json={"value": 4})
    after = (await alice.get("/models/active")).json()

    assert before["model"]["id"] == second
    assert (before["n_changes_since"], after["n_changes_since"]) == (0, 1)
    assert after["data_cutoff"] == "2026-01-01T00:00:00Z"


async def test_while_no_model_is_active_nothing_is_said_of_one(alice, session):
    await session.execute(update(Model).values(is_active=False))
    await session.commit()

    reply = await alice.get("/models/active")

    assert reply.json() == {
        "model": None, "data_cutoff": None, "n_changes_since": None
    }  # fmt: skip


async def test_imported_factors_become_a_model_that_can_be_activated(
    admin, session, folders, tmp_path
):
    ids = np.array([TOY_STORY, TOY_STORY_2, *range(1_000_001, 1_000_011)])
    source = write(tmp_path / "elsewhere", item_ids=ids)

    card = await models.import_model(session, folders, source=source)
    activated = await admin.post(f"/models/{card.id}/activate")

    assert card.kind == "imported"
    assert not card.is_active
    assert card.n_items == len(ids)
    assert activated.json()["is_active"]
    assert activated.json()["evaluation"] is None


def packed(folder: Path, **others: bytes) -> bytes:
    """Pack a folder into an archive, with other files beside its own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
        for name, content in others.items():
            archive.writestr(name, content)
    return buffer.getvalue()


async def send(client, archive: bytes):
    """Send an archive as a model."""
    headers = {"content-type": "application/zip"}
    return await client.post("/models/import", content=archive, headers=headers)


async def test_an_archive_becomes_a_model_that_does_not_serve(
    admin, folders, tmp_path, caplog
):
    ids = np.array([TOY_STORY, TOY_STORY_2, *range(1_000_001, 1_000_011)])
    source = write(tmp_path / "elsewhere", item_ids=ids)
    caplog.set_level("INFO", logger="api.services.models")

    reply = await send(admin, packed(source))

    card = reply.json()
    assert reply.status_code == 201
    assert (card["kind"], card["is_active"], card["n_items"]) == ("imported", False, 12)
    assert f"user {admin.user_id} imported model {card['id']}" in caplog.text
    assert sum(path.name.startswith("imported-") for path in folders.iterdir()) == 1


def zipped(**members: bytes) -> bytes:
    """Pack bytes into an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


EVIL = Path(gettempdir()) / "evil.json"
NAMES = ["".join(letters) for letters in itertools.product("abcdefghij", repeat=4)]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"../evil.json": b"{}"}, "alone"),
        ({str(EVIL): b"{}"}, "alone"),
        ({"run.py": b"import os"}, "alone"),
        ({"inner.zip": zipped(**{"manifest.json": b"{}"})}, "alone"),
        ({"item_factors.npy": bytes(1 << 28)}, "expands"),
        ({"more.npz": zipped(item_factors=bytes(1 + (1 << 28)))}, "expands"),
        (dict.fromkeys((f"{name}.npy" for name in NAMES), b""), "files"),
        ({"more.npz": zipped(**dict.fromkeys(NAMES, b""))}, "files"),
        ({"more.npz": b"no archive"}, "zip archive"),
        ({"manifest.json": b"{}"}, "no usable item factors"),
    ],
    ids=["a way out", "an absolute path", "code", "an archive inside", "a bomb",
         "a bomb inside", "10,000 files", "10,000 files inside",
         "no archive inside", "another manifest"],
)  # fmt: skip
async def test_an_archive_that_is_not_as_described_is_refused_at_once(
    admin, folders, tmp_path, others, said
):
    ids = np.array([TOY_STORY, TOY_STORY_2, *range(1_000_001, 1_000_011)])
    source = write(tmp_path / "elsewhere", item_ids=ids)
    before = set(folders.iterdir())
    with warnings.catch_warnings(action="ignore"):  # the test names a file twice
        archive = packed(source, **others)
    reset_peak()
    n_bytes, began = psutil.Process().memory_info().rss, time.perf_counter()

    reply = await send(admin, archive)

    seconds, peak = time.perf_counter() - began, peak_bytes()
    assert reply.status_code == 422
    assert said in reply.json()["errors"][0]["message"]
    assert seconds <= 1
    assert peak is None or peak - n_bytes <= 64 << 20
    assert set(folders.iterdir()) == before
    assert not (tmp_path.parent / "evil.json").exists()
    assert not EVIL.exists()


async def test_bytes_that_are_no_archive_are_refused(admin, folders):
    reply = await send(admin, b"PK not really")

    assert reply.status_code == 422
    assert "zip archive" in reply.json()["errors"][0]["message"]
    assert {path.name for path in folders.iterdir()} == {"first"}


async def test_factors_of_nothing_in_the_catalogue_are_refused(
    session, folders, tmp_path
):
    source = write(tmp_path / "elsewhere", item_ids=np.arange(12) + 1_000_000)

    with pytest.raises(ArtifactError, match="no item is a movie"):
        await models.import_model(session, folders, source=source)


async def test_factors_whose_scores_overflow_are_refused(session, folders, tmp_path):
    source = write(
        tmp_path / "elsewhere",
        stated={"rating": {**HEAD, "global_mean": 1e39}},
    )
    before = set(folders.iterdir())

    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(ArtifactError, match="not finite"),
    ):
        await models.import_model(session, folders, source=source)

    assert set(folders.iterdir()) == before
