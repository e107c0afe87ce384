"""SQL of the model registry."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from api.storage.database import AnyRow
from api.tables import Model, ModelFolder, Source


async def page(
    session: AsyncSession, *, limit: int, before: int | None
) -> Sequence[Model]:
    """Read models, newest first."""
    query = select(Model)
    if before is not None:
        query = query.where(Model.id < before)
    return (await session.scalars(query.order_by(Model.id.desc()).limit(limit))).all()


async def manifests(session: AsyncSession) -> Sequence[AnyRow]:
    """Read all models with the manifests of their files."""
    return (
        await session.execute(select(Model.id, Model.is_active, Model.manifest))
    ).all()


async def make_active(session: AsyncSession, model_id: int) -> None:
    """Make a model live instead of another; the commit notifies all processes.

    Changes run one at a time: two would conflict at the index of the active model.
    """
    await session.execute(select(func.pg_advisory_xact_lock(0x616374)))
    ceasing = update(Model).where(Model.is_active, Model.id != model_id)
    await session.execute(ceasing.values(is_active=False, last_active_at=func.now()))
    beginning = update(Model).where(Model.id == model_id, ~Model.is_active)
    await session.execute(
        beginning.values(is_active=True, refusal=None, last_active_at=func.now())
    )
    await session.execute(text("NOTIFY model_activated"))


async def one_before(session: AsyncSession) -> int | None:
    """Find the model that was live before the active one."""
    query = (
        select(Model.id)
        .where(~Model.is_active, Model.last_active_at.is_not(None))
        .order_by(Model.last_active_at.desc(), Model.id.desc())
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def remove(session: AsyncSession, model_id: int) -> str | None:
    """Delete a model that is not active; return its folder, or `None`.

    Whatever pins a model has a foreign key to it, which raises `IntegrityError`.
    """
    statement = delete(Model).where(Model.id == model_id, ~Model.is_active)
    result = await session.execute(statement.returning(Model.folder))
    return result.scalar_one_or_none()


async def add_imported(
    session: AsyncSession, *, folder: str, manifest: Mapping[str, Any]
) -> Model:
    """Add a model trained elsewhere; it is not live yet."""
    values = {"folder": folder, "manifest": manifest, "kind": "imported"}
    statement = insert(Model).values(values).returning(Model)
    return (await session.scalars(statement)).one()


async def add_evaluation(
    session: AsyncSession, run_id: int, evaluation: object
) -> None:
    """Add the evaluation of a run's model, if the model still exists."""
    query = select(Model).where(Model.run_id == run_id).with_for_update()
    row = (await session.scalars(query)).one_or_none()
    if row is not None:
        details = {**row.manifest["details"], "evaluation": evaluation}
        row.manifest = {**row.manifest, "details": details}


async def lock_folders(session: AsyncSession) -> None:
    """Lock the folders: one transaction at a time adds or deletes them."""
    await session.execute(select(func.pg_advisory_xact_lock(0x666F6C)))


async def announce_folder(session: AsyncSession, name: str) -> None:
    """Say that a folder is about to be made; needs its own commit."""
    await session.execute(insert(ModelFolder).values(name=name))


async def abandoned_folders(session: AsyncSession) -> set[str]:
    """List folders that were announced, and are of no model."""
    published = select(Model.folder)
    query = select(ModelFolder.name).where(ModelFolder.name.not_in(published))
    return set(await session.scalars(query))


async def forget_folder(session: AsyncSession, name: str) -> None:
    """Forget a folder that is gone."""
    await session.execute(delete(ModelFolder).where(ModelFolder.name == name))


async def keep_source(
    session: AsyncSession, sha256: str, modules: Mapping[str, str]
) -> None:
    """Store the texts of the training code, unless this version is stored."""
    statement = upsert(Source).values(sha256=sha256, modules=modules)
    await session.execute(statement.on_conflict_do_nothing())
