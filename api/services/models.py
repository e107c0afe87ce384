"""The registry of models: cards, comparison, activation, deletion."""

import io
import logging
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import numpy as np
from anyio import to_thread
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import diagnostics as expectation_queries
from api.queries import models as queries
from api.queries import movies as movie_queries
from api.queries import training as training_queries
from api.queries.movies import Filters
from api.schemas.diagnostics import CheckOut, Checks
from api.schemas.models import (
    ActiveModel,
    ModelCard,
    ModelComparison,
    ModelPage,
    ModelSummary,
    ParameterDifference,
)
from api.schemas.recommendations import ModelReference
from api.services.diagnostics import checks
from api.services.training import changes_since
from api.tables import Model
from api.web import cursors
from api.web.problems import (
    NotFound,
    WrongState,
    invalid,
)
from engine.errors import ArtifactError
from engine.model.files import Manifest, load_model, save_model
from engine.model.heads import Model as EngineModel
from engine.model.interchange import read_item_factors
from engine.serving.fold_in import fold_in

HEADS = ("rating", "ranking")
# Float32 rounds the vectors that training leaves to about seven digits.
MAX_PARITY = 1e-4
MAX_EXPANDED = 1 << 28  # bytes, of an archive
MAX_MEMBERS = 100
# A broken, encrypted or unusually packed archive raises one of these.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
logger = logging.getLogger(__name__)


async def list_models(
    session: AsyncSession, *, limit: int, cursor: str | None
) -> ModelPage:
    """Read one page of models, newest first."""
    read = partial(queries.page, session)
    rows, next_cursor = await cursors.page_by_id(read, limit=limit, cursor=cursor)
    items = [ModelSummary.model_validate(_summary(row)) for row in rows]
    return ModelPage(items=items, next_cursor=next_cursor)


def _summary(row: Model) -> dict[str, Any]:
    """Gather what the list shows of a model."""
    methods = {
        each["name"]: each for each in (_evaluation(row) or {}).get("methods", ())
    }
    columns = "id", "created_at", "kind", "is_active", "last_active_at", "refusal"
    sizes = "n_items", "n_users", "n_ratings"
    return {
        **{name: getattr(row, name) for name in (*columns, "run_id")},
        **{name: row.manifest["model"][name] for name in sizes},
        "rmse": methods.get("rating head", {}).get("rmse"),
        "ndcg": methods.get("ranking head", {}).get("ndcg"),
    }


def _evaluation(row: Model) -> dict[str, Any] | None:
    evaluation: dict[str, Any] | None = row.manifest["details"].get("evaluation")
    return evaluation


async def _existing(session: AsyncSession, model_id: int) -> Model:
    row = await session.get(Model, model_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


async def card(session: AsyncSession, *, model_id: int) -> ModelCard:
    """Describe a model."""
    return await _card(session, await _existing(session, model_id))


async def _card(session: AsyncSession, row: Model) -> ModelCard:
    model, details = row.manifest["model"], row.manifest["details"]
    recorded = "seed", "preset", "code_version", "wall_seconds", "peak_bytes"
    return ModelCard.model_validate(
        {
            **_summary(row),
            **{name: details.get(name) for name in recorded},
            "data_cutoff": details.get("data", {}).get("cutoff"),
            "n_votes": details.get("data", {}).get("n_votes"),
            "vote_weight": details.get("data", {}).get("vote_weight"),
            "n_changes_since": await changes_since(session, row),
            "source": row.source,
            "n_bytes": sum(file["bytes"] for file in row.manifest["files"].values()),
            "parameters": {head: model[head]["configuration"] for head in HEADS},
            "evaluation": _evaluation(row),
        }
    )


async def compare(
    session: AsyncSession, *, first_id: int, second_id: int
) -> ModelComparison:
    """Compare two models."""
    first = await card(session, model_id=first_id)
    second = await card(session, model_id=second_id)
    differences = list(_differences(first.parameters, second.parameters))
    return ModelComparison(first=first, second=second, differences=differences)


def _differences(
    first: Mapping[Any, dict[str, Any]], second: Mapping[Any, dict[str, Any]]
) -> Iterator[ParameterDifference]:
    """Yield the parameters in which two models differ; a format may lack some."""
    for head in HEADS:
        for name in first[head] | second[head]:
            values = first[head].get(name), second[head].get(name)
            if values[0] != values[1]:
                yield ParameterDifference.model_validate(
                    {
                        "head": head,
                        "name": name,
                        "first": values[0],
                        "second": values[1],
                    }
                )


async def active(session: AsyncSession) -> ActiveModel:
    """Return the live model and the number of ratings changed since its data."""
    row = await training_queries.active_model(session)
    if row is None:
        return ActiveModel(model=None, data_cutoff=None, n_changes_since=None)
    return ActiveModel.model_validate(
        {
            "model": ModelReference(id=row.id, created_at=row.created_at),
            "data_cutoff": row.manifest["details"].get("data", {}).get("cutoff"),
            "n_changes_since": await changes_since(session, row),
        }
    )


async def checklist(
    session: AsyncSession, models_dir: Path, *, model_id: int
) -> Checks:
    """Run all checks that a model must pass before it can go live."""
    row = await _existing(session, model_id)
    expectations = await expectation_queries.expectations(session)
    await session.commit()  # gives the connection to others: reading takes its time
    items = [_parity(row)]
    try:
        model = await to_thread.run_sync(load_model, models_dir / row.folder)
    except ArtifactError as error:
        items.append(CheckOut(name="files", passed=False, detail=str(error)))
    else:
        items.append(CheckOut(name="files", passed=True, detail="complete and intact"))
        items += await to_thread.run_sync(checks, model, expectations)
    return Checks(
        model=ModelReference(id=row.id, created_at=row.created_at),
        passed=all(item.passed for item in items),
        items=items,
    )


def _parity(row: Model) -> CheckOut:
    parity = (_evaluation(row) or {}).get("fold_in_parity")
    if parity is None:
        detail = "not measured: the model was trained elsewhere or without evaluation"
        return CheckOut(name="fold-in parity", passed=True, detail=detail)
    detail = f"users folded in differ by at most {parity:.1e} from training"
    return CheckOut(name="fold-in parity", passed=parity <= MAX_PARITY, detail=detail)


async def activate(
    session: AsyncSession, models_dir: Path, *, model_id: int
) -> ModelCard:
    """Make a model live if it passes all checks."""
    found = await checklist(session, models_dir, model_id=model_id)
    failed = [f"{item.name}: {item.detail}" for item in found.items if not item.passed]
    if failed:
        raise WrongState("; ".join(failed))
    return await _make_active(session, model_id)


async def _make_active(session: AsyncSession, model_id: int) -> ModelCard:
    await queries.make_active(session, model_id)
    row = await _existing(session, model_id)  # it may have been deleted meanwhile
    described = await _card(session, row)
    await session.commit()
    return described


async def roll_back(session: AsyncSession, models_dir: Path) -> ModelCard:
    """Make the previous live model live again; a second call undoes the first.

    Expectations are not checked: it was live before, and this is for emergencies.
    """
    model_id = await queries.one_before(session)
    if model_id is None:
        raise WrongState("No other model was live before")
    folder = (await _existing(session, model_id)).folder
    try:
        await to_thread.run_sync(load_model, models_dir / folder)
    except ArtifactError as error:
        raise WrongState(str(error)) from error
    return await _make_active(session, model_id)


async def delete(session: AsyncSession, models_dir: Path, *, model_id: int) -> None:
    """Delete a model and its files, unless it is live or pinned."""
    row = await _existing(session, model_id)
    try:
        folder = await queries.remove(session, model_id)
    except IntegrityError as error:
        raise WrongState(
            f"Model {model_id} is pinned, so it cannot be deleted"
        ) from error
    if folder is None:
        raise WrongState(
            f"Model {model_id} is live. Activate another model before you delete it"
        )
    await session.commit()
    gone = partial(shutil.rmtree, models_dir / row.folder, ignore_errors=True)
    await to_thread.run_sync(gone)


async def import_model(
    session: AsyncSession, models_dir: Path, *, source: Path
) -> ModelCard:
    """Add item factors trained elsewhere as a model that is not live yet.

    Raises `ArtifactError` if anything about it is not as it must be.
    """
    model = await to_thread.run_sync(read_item_factors, source)
    catalogue = await movie_queries.ids(session, Filters())
    if not np.isin(model.item_ids, catalogue).any():
        raise ArtifactError(
            f"{source.name}: no item is a movie of this service; check the ids"
        )
    await to_thread.run_sync(_try_out, model)
    folder = models_dir / f"imported-{uuid4().hex[:8]}"
    await queries.announce_folder(session, folder.name)
    await session.commit()
    await queries.lock_folders(session)
    manifest = await to_thread.run_sync(_store, model, folder)
    row = await queries.add_imported(
        session, folder=folder.name, manifest=asdict(manifest)
    )
    described = await _card(session, row)
    await session.commit()
    return described


async def import_archive(
    session: AsyncSession, models_dir: Path, *, actor_id: int, archive: bytes
) -> ModelCard:
    """Add item factors from a zip archive of the folder that `import_model` reads."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "archive"
        try:
            await to_thread.run_sync(_unpack, archive, folder)
            added = await import_model(session, models_dir, source=folder)
        except ArtifactError as error:
            raise invalid("body", code="artifact", message=str(error)) from error
    logger.info("user %d imported model %d", actor_id, added.id)
    return added


def _unpack(archive: bytes, folder: Path) -> None:
    """Write the files of an archive, none outside the folder and none without end."""
    folder.mkdir(mode=0o700)
    try:
        for name, content in _members(archive):
            if not re.fullmatch(r"[a-z_]{1,40}\.(json|npy|npz)", name):
                message = "it may hold manifest.json, .npy and .npz files alone"
                raise ArtifactError(message)
            if name.endswith(".npz"):
                list(_members(content))  # what it expands to has the same limit
            (folder / name).write_bytes(content)
    except UNREADABLE as error:
        raise ArtifactError("it is not a zip archive that can be read") from error


def _members(archive: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = opened.infolist()
        if len(members) > MAX_MEMBERS:
            raise ArtifactError(f"it holds more than {MAX_MEMBERS} files")
        if sum(member.file_size for member in members) > MAX_EXPANDED:
            raise ArtifactError(f"it expands to more than {MAX_EXPANDED} bytes")
        for member in members:
            yield member.filename, opened.read(member)


def _store(model: EngineModel, folder: Path) -> Manifest:
    """Write a model and read it back."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    manifest = save_model(model, folder, details={})
    load_model(folder)
    return manifest


def _try_out(model: EngineModel) -> None:
    """Fold in users with one and with twenty ratings; refuse infinite scores."""
    for n_rated in (1, min(20, model.n_items)):
        rated = np.arange(n_rated, dtype=np.int32)
        for head in (model.rating, model.ranking):
            scores = head.scores(fold_in(head, rated, np.full(n_rated, 4.0)))
            if not np.isfinite(scores).all():
                raise ArtifactError("its scores are not finite")
