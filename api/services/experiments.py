"""Experiments: planned, started, stopped, and who sees what."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.database import AnyRow
from api.model_store import ModelStore, ServedModel
from api.problems import (
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    WrongState,
    field_error,
)
from api.queries import experiments as queries
from api.queries.ratings import user_exists
from api.schemas.base import HeadName
from api.schemas.experiments import (
    AssignmentOut,
    ExperimentIn,
    ExperimentOut,
    ExperimentPatch,
    Experiments,
    VariantIn,
    VariantOut,
)
from api.schemas.recommendations import ExperimentReference
from api.tables import Experiment, Variant
from engine.assignment import ALGORITHM_VERSION, Allocation, check_weights
from engine.errors import DataError

SALT_BYTES = 16


@dataclass(frozen=True)
class Assigned:
    """The variant of one user, its model ready to serve."""

    experiment_id: int
    variant_id: int
    name: str
    head: HeadName
    diversity: float
    exploration: float
    served: ServedModel
    is_new: bool

    @property
    def reference(self) -> ExperimentReference:
        """What replies say of it."""
        return ExperimentReference(id=self.experiment_id, variant=self.name)


async def create(session: AsyncSession, *, body: ExperimentIn) -> ExperimentOut:
    """Store a draft with salts of its own."""
    check_variants(body.variants)
    values = body.model_dump(exclude={"variants"}) | {
        "algorithm_version": ALGORITHM_VERSION,
        "traffic_salt": secrets.token_hex(SALT_BYTES),
        "variant_salt": secrets.token_hex(SALT_BYTES),
    }
    variants = [variant.model_dump() for variant in body.variants]
    try:
        experiment_id = await queries.add(session, values, variants)
    except IntegrityError as error:  # the foreign key knows which models exist
        raise _unknown_model() from error
    await session.commit()
    return await read(session, experiment_id=experiment_id)


async def change(
    session: AsyncSession,
    *,
    experiment_id: int,
    body: ExperimentPatch,
    if_match: str | None,
) -> ExperimentOut:
    """Change a draft, if it is still the version that the caller has seen."""
    experiment = await _existing(session, experiment_id)
    if if_match is None:
        raise PreconditionRequired("send the ETag of the version you have read")
    if experiment.state != "draft":
        raise WrongState(f"it is {experiment.state}; only a draft can be changed")
    if body.variants is not None:
        check_variants(body.variants)
    values = body.model_dump(exclude={"variants"}, exclude_none=True)
    if if_match != etag(experiment.version) or not await queries.change_draft(
        session, experiment_id, version=experiment.version, values=values
    ):
        raise PreconditionFailed("read it again and repeat your change")
    if body.variants is not None:
        variants = [variant.model_dump() for variant in body.variants]
        try:
            await queries.set_variants(session, experiment_id, variants)
        except IntegrityError as error:
            raise _unknown_model() from error
    await session.commit()
    return await read(session, experiment_id=experiment_id)


async def start(
    session: AsyncSession, *, experiment_id: int, store: ModelStore
) -> ExperimentOut:
    """Start a draft, if its models can be served and no other experiment runs."""
    await _existing(session, experiment_id)
    for model in await queries.models_of(session, experiment_id):
        if await store.pinned(model) is None:
            raise WrongState(f"model {model.id} is damaged; choose another one")
    try:
        is_started = await queries.move(
            session, experiment_id, before="draft", after="running", stamp="started_at"
        )
    except IntegrityError as error:  # the index knows which one runs
        raise WrongState("another experiment runs; stop it first") from error
    if not is_started:
        raise WrongState("it has been started already")
    await session.commit()
    return await read(session, experiment_id=experiment_id)


async def stop(session: AsyncSession, *, experiment_id: int) -> ExperimentOut:
    """Stop a running experiment; its results are final."""
    await _existing(session, experiment_id)
    if not await queries.move(
        session, experiment_id, before="running", after="stopped", stamp="stopped_at"
    ):
        raise WrongState("it does not run")
    await session.commit()
    return await read(session, experiment_id=experiment_id)


async def read(session: AsyncSession, *, experiment_id: int) -> ExperimentOut:
    """Read one experiment."""
    experiment = await _existing(session, experiment_id)
    variants = await queries.variants_of(session, [experiment_id])
    return describe(experiment, variants)


async def list_latest(session: AsyncSession, *, limit: int) -> Experiments:
    """List the latest experiments, newest first."""
    experiments = await queries.latest(session, limit=limit)
    ids = [experiment.id for experiment in experiments]
    variants: Mapping[int, list[Variant]] = {experiment_id: [] for experiment_id in ids}
    for variant in await queries.variants_of(session, ids):
        variants[variant.experiment_id].append(variant)
    return Experiments(items=[describe(e, variants[e.id]) for e in experiments])


def describe(experiment: Experiment, variants: Sequence[Variant]) -> ExperimentOut:
    """Describe an experiment with its variants."""
    columns: dict[str, Any] = {
        column.key: getattr(experiment, column.key)
        for column in Experiment.__table__.columns
    }
    planned = [VariantOut.model_validate(variant) for variant in variants]
    return ExperimentOut(**columns, variants=planned)


def etag(version: int) -> str:
    """Write the entity tag of a version."""
    return f'"{version}"'


def check_variants(variants: Sequence[VariantIn]) -> None:
    """Refuse weights that do not sum to 1, and names that are not told apart."""
    try:
        check_weights([variant.weight for variant in variants])
    except DataError as error:
        raise _invalid_variants("weights", str(error)) from None
    if len({variant.name for variant in variants}) < len(variants):
        raise _invalid_variants("names", "Give each variant a name of its own")


def _unknown_model() -> InvalidRequest:
    return _invalid_variants("unknown_model", "There is no such model")


def _invalid_variants(code: str, message: str) -> InvalidRequest:
    return InvalidRequest(
        errors=[field_error("body", "variants", code=code, message=message)]
    )


async def _existing(session: AsyncSession, experiment_id: int) -> Experiment:
    experiment = await queries.get(session, experiment_id)
    if experiment is None:
        raise NotFound
    return experiment


# Who sees what.


async def assignment(
    session: AsyncSession, *, experiment_id: int, user_id: int
) -> AssignmentOut:
    """Tell the variant of a user; a draft has assigned nobody yet."""
    rows = await queries.variants_for(session, user_id, experiment_id=experiment_id)
    if not rows or not await user_exists(session, user_id):
        raise NotFound
    row = _variant_of(rows, user_id)
    return AssignmentOut(
        experiment_id=experiment_id,
        user_id=user_id,
        variant=row.name if row is not None else None,
    )


async def assigned(
    session: AsyncSession, store: ModelStore, *, user_id: int
) -> Assigned | None:
    """Find the variant that decides a user's lists now, if any does.

    A variant whose model is damaged decides nothing, and exposes nobody: the sample
    ratio will tell.
    """
    rows = await queries.variants_for(session, user_id)
    row = _variant_of(rows, user_id) if rows else None
    served = await store.pinned(row) if row is not None else None
    if row is None or served is None:
        return None
    return Assigned(
        experiment_id=row.experiment_id,
        variant_id=row.variant_id,
        name=row.name,
        head=row.head,
        diversity=row.diversity,
        exploration=row.exploration,
        served=served,
        is_new=row.seen_variant_id is None,
    )


async def expose(session: AsyncSession, found: Assigned, *, user_id: int) -> None:
    """Record that a user sees a variant, before they do."""
    if found.is_new:
        await queries.expose(
            session,
            experiment_id=found.experiment_id,
            variant_id=found.variant_id,
            user_id=user_id,
        )
        await session.commit()


def _variant_of(rows: Sequence[AnyRow], user_id: int) -> AnyRow | None:
    """Choose what the user has seen already, else what they are assigned."""
    seen = [row for row in rows if row.variant_id == row.seen_variant_id]
    if seen:
        return seen[0]
    plan = rows[0]
    allocation = Allocation(
        traffic_salt=plan.traffic_salt,
        variant_salt=plan.variant_salt,
        traffic_share=plan.traffic_share,
        weights=[row.weight for row in rows],
    )
    index = allocation.variant_of(user_id)
    return rows[index] if index is not None else None
