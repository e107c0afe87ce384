"""Experiments: plan, start and stop them, and decide who sees which variant."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import experiments as queries
from api.queries.ratings import user_exists
from api.schemas.base import HeadName
from api.schemas.experiments import (
    AssignmentOut,
    ExperimentIn,
    ExperimentOut,
    ExperimentPage,
    ExperimentPatch,
    VariantIn,
    VariantOut,
)
from api.schemas.recommendations import ExperimentReference, Recommendations
from api.services.model_store import ModelStore, ServedModel
from api.storage.database import AnyRow
from api.tables import Experiment, Variant
from api.web import cursors
from api.web.problems import (
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    WrongState,
    field_error,
)
from engine.experiments import DESIGNS
from engine.experiments.assignment import ALGORITHM_VERSION, Allocation, fraction
from engine.experiments.interleaving import team_draft
from engine.experiments.planning import PlanError

SALT_BYTES = 16


@dataclass(frozen=True)
class Assigned:
    """The variants that make a user's lists, and the model they pin, ready to serve.

    A variant has an id, a name, head, diversity and exploration. The seed fixes the
    user's draw from the lists of several variants.
    """

    experiment_id: int
    variants: Sequence[AnyRow]
    served: ServedModel
    is_new: bool
    seed: int

    @property
    def only_variant(self) -> AnyRow | None:
        """The variant, if only one makes the list."""
        return self.variants[0] if len(self.variants) == 1 else None

    @property
    def variant_id(self) -> int:
        """The first variant, by which a recommendation id names the experiment."""
        return int(self.variants[0].variant_id)

    @property
    def head(self) -> HeadName:
        """The head that explains predictions: the one of the first variant."""
        head: HeadName = self.variants[0].head
        return head

    @property
    def reference(self) -> ExperimentReference:
        """What replies say about the experiment."""
        only = self.only_variant
        name = only.name if only is not None else None
        return ExperimentReference(id=self.experiment_id, variant=name)


async def create(session: AsyncSession, *, body: ExperimentIn) -> ExperimentOut:
    """Store a draft with its own salts."""
    check_plan(body.kind, body.metric, body.variants)
    values = body.model_dump(exclude={"variants"}) | {
        "algorithm_version": ALGORITHM_VERSION,
        "traffic_salt": secrets.token_hex(SALT_BYTES),
        "variant_salt": secrets.token_hex(SALT_BYTES),
    }
    variants = [variant.model_dump() for variant in body.variants]
    try:
        experiment_id = await queries.add(session, values, variants)
    except IntegrityError as error:  # the foreign key refuses unknown models
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
    """Change a draft, if the caller has seen its current version."""
    experiment = await _existing(session, experiment_id)
    if if_match is None:
        raise PreconditionRequired("send the ETag of the version you have read")
    if experiment.state != "draft":
        raise WrongState(
            f"the experiment is {experiment.state}; only a draft can be changed"
        )
    check_plan(
        body.kind or experiment.kind,
        body.metric or experiment.metric,
        body.variants or await queries.variants_of(session, [experiment_id]),
    )
    values = body.model_dump(exclude={"variants"}, exclude_none=True)
    if if_match != etag(experiment.version) or not await queries.change_draft(
        session, experiment_id, version=experiment.version, values=values
    ):
        raise PreconditionFailed("read the experiment again and repeat your change")
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
    """Start a draft, if its models are intact and no other experiment is running."""
    await _existing(session, experiment_id)
    for model in await queries.models_of(session, experiment_id):
        if await store.pinned(model) is None:
            raise WrongState(f"model {model.id} is damaged; choose another one")
    try:
        is_started = await queries.move(
            session, experiment_id, before="draft", after="running", stamp="started_at"
        )
    except IntegrityError as error:  # a unique index allows one running experiment
        raise WrongState("another experiment is running; stop it first") from error
    if not is_started:
        raise WrongState("the experiment has already been started")
    await session.commit()
    return await read(session, experiment_id=experiment_id)


async def stop(session: AsyncSession, *, experiment_id: int) -> ExperimentOut:
    """Stop a running experiment; its results are then final."""
    await _existing(session, experiment_id)
    if not await queries.move(
        session, experiment_id, before="running", after="stopped", stamp="stopped_at"
    ):
        raise WrongState("the experiment is not running")
    await session.commit()
    return await read(session, experiment_id=experiment_id)


async def read(session: AsyncSession, *, experiment_id: int) -> ExperimentOut:
    """Read one experiment."""
    experiment = await _existing(session, experiment_id)
    variants = await queries.variants_of(session, [experiment_id])
    return describe(experiment, variants)


async def browse(
    session: AsyncSession, *, limit: int, cursor: str | None
) -> ExperimentPage:
    """Read one page of experiments, newest first."""
    read = partial(queries.page, session)
    rows, next_cursor = await cursors.page_by_id(read, limit=limit, cursor=cursor)
    ids = [experiment.id for experiment in rows]
    variants: Mapping[int, list[Variant]] = {experiment_id: [] for experiment_id in ids}
    for variant in await queries.variants_of(session, ids):
        variants[variant.experiment_id].append(variant)
    items = [describe(e, variants[e.id]) for e in rows]
    return ExperimentPage(items=items, next_cursor=next_cursor)


def describe(experiment: Experiment, variants: Sequence[Variant]) -> ExperimentOut:
    """Describe an experiment with its variants."""
    columns: dict[str, Any] = {
        column.key: getattr(experiment, column.key)
        for column in Experiment.__table__.columns
    }
    planned = [VariantOut.model_validate(variant) for variant in variants]
    return ExperimentOut(**columns, variants=planned)


def etag(version: int) -> str:
    """Format the entity tag of a version."""
    return f'"{version}"'


def check_plan(
    kind: str, metric: str, variants: Sequence[VariantIn] | Sequence[Variant]
) -> None:
    """Refuse variants and metrics that the design cannot compare."""
    try:
        DESIGNS[kind].check(variants, metric)
    except PlanError as error:
        raise invalid_plan(error) from None


def invalid_plan(error: PlanError) -> InvalidRequest:
    """Name the field of a plan that its design refuses."""
    return InvalidRequest(
        errors=[field_error("body", error.part, code=error.code, message=str(error))]
    )


def _unknown_model() -> InvalidRequest:
    return invalid_plan(
        PlanError("variants", "unknown_model", "A variant names an unknown model")
    )


async def _existing(session: AsyncSession, experiment_id: int) -> Experiment:
    experiment = await queries.get(session, experiment_id)
    if experiment is None:
        raise NotFound
    return experiment


# Assignment: which user sees which variant.


async def assignment(
    session: AsyncSession, *, experiment_id: int, user_id: int
) -> AssignmentOut:
    """Return the variant that a user sees; a draft has no assignments."""
    rows = await queries.variants_for(session, user_id, experiment_id=experiment_id)
    if not rows or not await user_exists(session, user_id):
        raise NotFound
    seen = _seen_by(rows, user_id)
    return AssignmentOut(
        experiment_id=experiment_id,
        user_id=user_id,
        takes_part=bool(seen),
        variant=seen[0].name if len(seen) == 1 else None,
    )


async def assigned(
    session: AsyncSession, store: ModelStore, *, user_id: int
) -> Assigned | None:
    """Find the variants that make a user's lists now, if any do.

    A variant with a damaged model makes no lists and exposes no users, which the
    sample ratio then shows.
    """
    rows = await queries.variants_for(session, user_id)
    seen = _seen_by(rows, user_id) if rows else []
    served = await store.pinned(seen[0]) if seen else None
    if served is None:
        return None
    return Assigned(
        experiment_id=seen[0].experiment_id,
        variants=seen,
        served=served,
        is_new=seen[0].exposed_at is None,
        seed=draw_seed(seen[0].variant_salt, user_id),
    )


def draw_seed(salt: str, user_id: int) -> int:
    """Choose the seed of a user's draws: the same for every list."""
    return int(fraction(salt, user_id) * 2**53)


async def expose(session: AsyncSession, found: Assigned, *, user_id: int) -> None:
    """Record the exposure of a user before they see the list."""
    if found.is_new:
        await queries.expose(
            session,
            experiment_id=found.experiment_id,
            variant_id=found.variant_id if found.only_variant is not None else None,
            user_id=user_id,
        )
        await session.commit()


def merge(
    found: Assigned, lists: Sequence[Recommendations], *, limit: int
) -> tuple[Recommendations, frozenset[int]]:
    """Draw a user's list from those of their variants.

    Also return the movies that the second variant contributed, if there is one.
    """
    ranked = [{item.movie.id: item for item in one.items} for one in lists]
    drawn = team_draft(
        [np.fromiter(one, dtype=np.int64, count=len(one)) for one in ranked],
        limit,
        rng=np.random.default_rng(found.seed),
    )
    picks = list(zip(drawn.item_indices.tolist(), drawn.teams.tolist(), strict=True))
    items = [
        ranked[team][movie_id].model_copy(update={"rank": rank})
        for rank, (movie_id, team) in enumerate(picks, start=1)
    ]
    second_team = frozenset(movie_id for movie_id, team in picks if team)
    return lists[0].model_copy(update={"items": items}), second_team


def _seen_by(rows: Sequence[AnyRow], user_id: int) -> Sequence[AnyRow]:
    """List the variants that the user has seen already, or else is assigned."""
    plan = rows[0]
    if plan.exposed_at is not None:
        seen = plan.seen_variant_id
        return [row for row in rows if seen is None or row.variant_id == seen]
    allocation = Allocation(
        traffic_salt=plan.traffic_salt,
        variant_salt=plan.variant_salt,
        traffic_share=plan.traffic_share,
        weights=[row.weight for row in rows],
    )
    assigned = DESIGNS[plan.kind].assign(allocation, user_id)
    return [rows[index] for index in assigned]
