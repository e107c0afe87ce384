"""Experiments: planned, started, stopped, and who sees what."""

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
from engine.errors import DataError
from engine.experiments.assignment import (
    ALGORITHM_VERSION,
    Allocation,
    check_weights,
    fraction,
)
from engine.experiments.interleaving import team_draft

SALT_BYTES = 16


@dataclass(frozen=True)
class Assigned:
    """What one user sees: a variant, or two interleaved; their model ready to serve.

    A variant has an id, a name, head, diversity and exploration. The seed says which
    draw of interleaved lists is the user's.
    """

    experiment_id: int
    variants: Sequence[AnyRow]
    served: ServedModel
    is_new: bool
    seed: int

    @property
    def is_interleaved(self) -> bool:
        """Whether both variants make the list."""
        return len(self.variants) > 1

    @property
    def variant_id(self) -> int:
        """The variant, or the control of two."""
        return int(self.variants[0].variant_id)

    @property
    def head(self) -> HeadName:
        """The head by which predictions are explained; that of the control of two."""
        head: HeadName = self.variants[0].head
        return head

    @property
    def reference(self) -> ExperimentReference:
        """What replies say of it."""
        name = None if self.is_interleaved else self.variants[0].name
        return ExperimentReference(id=self.experiment_id, variant=name)


async def create(session: AsyncSession, *, body: ExperimentIn) -> ExperimentOut:
    """Store a draft with salts of its own."""
    check_plan(body.kind, body.metric, body.variants)
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
    check_plan(
        body.kind or experiment.kind,
        body.metric or experiment.metric,
        body.variants or await queries.variants_of(session, [experiment_id]),
    )
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
    """Write the entity tag of a version."""
    return f'"{version}"'


def check_plan(
    kind: str, metric: str, variants: Sequence[VariantIn] | Sequence[Variant]
) -> None:
    """Refuse weights that do not sum to 1, names that are not told apart, odd pairs."""
    try:
        check_weights([variant.weight for variant in variants])
    except DataError as error:
        raise _invalid_variants("weights", str(error)) from None
    if len({variant.name for variant in variants}) < len(variants):
        raise _invalid_variants("names", "Give each variant a name of its own")

    if kind == "interleaved":
        _check_pair(metric, variants)


def _check_pair(metric: str, variants: Sequence[VariantIn] | Sequence[Variant]) -> None:
    """Refuse to interleave what would not come from one model, or not compare.

    A reply names the one model it came from.
    """
    if len({variant.model_id for variant in variants}) > 1:
        raise _invalid_variants(
            "several_models",
            "A list comes from one model: interleave two variants of the same one",
        )
    if [variant.weight for variant in variants] != [0.5, 0.5]:
        raise _invalid_variants(
            "pair", "Interleave two variants, each with a weight of 0.5"
        )
    if len({(v.head, v.diversity, v.exploration) for v in variants}) == 1:
        raise _invalid_variants(
            "alike", "Let the variants differ in head, diversity or exploration"
        )
    if metric == "like_share":
        message = "Compare likes or net likes a user: a share has no difference in one"
        raise InvalidRequest(
            errors=[field_error("body", "metric", code="share", message=message)]
        )


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
    """Find the variant, or the two, that decide a user's lists now, if any do.

    A variant whose model is damaged decides nothing, and exposes nobody: the sample
    ratio will tell.
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
    """Choose the draw of a user's interleaved lists: the same one for every list."""
    return int(fraction(salt, user_id) * 2**53)


async def expose(session: AsyncSession, found: Assigned, *, user_id: int) -> None:
    """Record that a user sees a variant, before they do."""
    if found.is_new:
        await queries.expose(
            session,
            experiment_id=found.experiment_id,
            variant_id=None if found.is_interleaved else found.variant_id,
            user_id=user_id,
        )
        await session.commit()


def interleave(
    found: Assigned, first: Recommendations, second: Recommendations, *, limit: int
) -> tuple[Recommendations, frozenset[int]]:
    """Draw a user's list from two; say which movies the second contributed."""
    lists = [{item.movie.id: item for item in one.items} for one in (first, second)]
    mine, theirs = (np.fromiter(one, dtype=np.int64, count=len(one)) for one in lists)
    rng = np.random.default_rng(found.seed)
    drawn = team_draft(mine, theirs, limit, rng=rng)
    picks = list(zip(drawn.item_indices.tolist(), drawn.teams.tolist(), strict=True))
    items = [
        lists[team][movie_id].model_copy(update={"rank": rank})
        for rank, (movie_id, team) in enumerate(picks, start=1)
    ]
    second_team = frozenset(movie_id for movie_id, team in picks if team)
    return first.model_copy(update={"items": items}), second_team


def _seen_by(rows: Sequence[AnyRow], user_id: int) -> Sequence[AnyRow]:
    """Choose what the user has seen already, else what they are assigned, if anything.

    One variant, or both of an interleaved experiment.
    """
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
    index = allocation.variant_of(user_id)
    if index is None:
        return []
    return rows if plan.kind == "interleaved" else [rows[index]]
