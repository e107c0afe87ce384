"""SQL of experiments: variants, exposures and the votes that count."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    and_,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from api.storage.database import AnyRow, AnySelect
from api.tables import Experiment, Exposure, Feedback, Model, Variant


async def add(
    session: AsyncSession, values: dict[str, Any], variants: Sequence[dict[str, Any]]
) -> int:
    """Insert a draft; an unknown model raises `IntegrityError`."""
    statement = insert(Experiment).values(values).returning(Experiment.id)
    experiment_id = (await session.execute(statement)).scalar_one()
    await set_variants(session, experiment_id, variants)
    return experiment_id


async def set_variants(
    session: AsyncSession, experiment_id: int, variants: Sequence[dict[str, Any]]
) -> None:
    """Replace the variants of a draft."""
    await session.execute(delete(Variant).where(Variant.experiment_id == experiment_id))
    rows = [
        {"experiment_id": experiment_id, "position": position, **variant}
        for position, variant in enumerate(variants)
    ]
    await session.execute(insert(Variant), rows)


async def change_draft(
    session: AsyncSession, experiment_id: int, *, version: int, values: dict[str, Any]
) -> bool:
    """Change a draft and raise its version; false if it is another version by now."""
    statement = (
        update(Experiment)
        .where(
            Experiment.id == experiment_id,
            Experiment.state == "draft",
            Experiment.version == version,
        )
        .values(version=Experiment.version + 1, **values)
        .returning(Experiment.id)
    )
    return (await session.execute(statement)).first() is not None


async def move(
    session: AsyncSession, experiment_id: int, *, before: str, after: str, stamp: str
) -> bool:
    """Move from one state to the next; false if it is in another one.

    A second running experiment raises `IntegrityError`.
    """
    statement = (
        update(Experiment)
        .where(Experiment.id == experiment_id, Experiment.state == before)
        .values({"state": after, "version": Experiment.version + 1, stamp: func.now()})
        .returning(Experiment.id)
    )
    return (await session.execute(statement)).first() is not None


async def get(session: AsyncSession, experiment_id: int) -> Experiment | None:
    """Read an experiment as it is now."""
    return await session.get(Experiment, experiment_id, populate_existing=True)


async def exposed(session: AsyncSession) -> Sequence[AnyRow]:
    """Count the users that each variant of a running experiment was shown to."""
    query = (
        select(
            Variant.experiment_id,
            Variant.weight,
            func.count(Exposure.user_id).label("n_users"),
        )
        .join(Experiment, Experiment.id == Variant.experiment_id)
        .outerjoin(Exposure, Exposure.variant_id == Variant.id)
        .where(Experiment.state == "running")
        .group_by(Variant.id)
        .order_by(Variant.experiment_id)
    )
    return (await session.execute(query)).all()


async def page(
    session: AsyncSession, *, limit: int, before: int | None
) -> Sequence[Experiment]:
    """Read experiments, newest first."""
    query = select(Experiment)
    if before is not None:
        query = query.where(Experiment.id < before)
    query = query.order_by(Experiment.id.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def variants_of(
    session: AsyncSession, experiment_ids: Sequence[int]
) -> Sequence[Variant]:
    """Read the variants of some experiments, the control first."""
    query = select(Variant).where(Variant.experiment_id.in_(experiment_ids))
    query = query.order_by(Variant.experiment_id, Variant.position)
    return (await session.scalars(query)).all()


async def models_of(session: AsyncSession, experiment_id: int) -> Sequence[Model]:
    """Read the models that an experiment pins."""
    pinned = select(Variant.model_id).where(Variant.experiment_id == experiment_id)
    return (await session.scalars(select(Model).where(Model.id.in_(pinned)))).all()


async def variants_for(
    session: AsyncSession, user_id: int, *, experiment_id: int | None = None
) -> Sequence[AnyRow]:
    """Read the variants a user may see, with the one they have seen already.

    They belong to the running experiment, or to a given one that has been started.
    """
    seen = and_(Exposure.experiment_id == Experiment.id, Exposure.user_id == user_id)
    query: AnySelect = (
        select(
            Experiment.id.label("experiment_id"),
            Experiment.kind,
            Experiment.traffic_salt,
            Experiment.variant_salt,
            Experiment.traffic_share,
            Variant.id.label("variant_id"),
            Variant.name,
            Variant.weight,
            Variant.head,
            Variant.diversity,
            Variant.exploration,
            Exposure.variant_id.label("seen_variant_id"),
            Exposure.exposed_at,
            Model.id,
            Model.folder,
            Model.created_at,
        )
        .join(Variant, Variant.experiment_id == Experiment.id)
        .join(Model, Model.id == Variant.model_id)
        .outerjoin(Exposure, seen)
        .order_by(Variant.position)
    )
    if experiment_id is None:
        query = query.where(Experiment.state == "running")
    else:
        query = query.where(Experiment.id == experiment_id, Experiment.state != "draft")
    return (await session.execute(query)).all()


async def expose(
    session: AsyncSession, *, experiment_id: int, variant_id: int | None, user_id: int
) -> None:
    """Record a first exposure, if the experiment still runs; later ones do nothing.

    No variant means both: the lists are interleaved.
    """
    running = select(
        Experiment.id, literal(user_id, Integer), literal(variant_id, Integer)
    ).where(Experiment.id == experiment_id, Experiment.state == "running")
    columns = ["experiment_id", "user_id", "variant_id"]
    statement = upsert(Exposure).from_select(columns, running)
    await session.execute(statement.on_conflict_do_nothing())


async def exposures_of(session: AsyncSession, user_id: int) -> Sequence[AnyRow]:
    """Read the variants a user has seen and since when, for the export."""
    query = (
        select(
            Exposure.experiment_id, Variant.name.label("variant"), Exposure.exposed_at
        )
        .outerjoin(Variant, Variant.id == Exposure.variant_id)
        .where(Exposure.user_id == user_id)
        .order_by(Exposure.exposed_at.desc(), Exposure.experiment_id)
    )
    return (await session.execute(query)).all()


likes = func.count().filter(Feedback.is_like).label("likes")
dislikes = func.count().filter(~Feedback.is_like).label("dislikes")


def _votes_by_user(experiment_id: int) -> AnySelect:
    """Select every exposed user with their votes during the experiment, by variant."""
    of_experiment = select(Variant.id).where(Variant.experiment_id == experiment_id)
    counted = (
        select(Feedback.user_id, Feedback.variant_id, likes, dislikes)
        .where(Feedback.variant_id.in_(of_experiment))
        .group_by(Feedback.user_id, Feedback.variant_id)
        .subquery()
    )
    return (
        select(
            Exposure.user_id,
            Variant.id.label("variant_id"),
            Exposure.exposed_at,
            func.coalesce(counted.c.likes, 0).label("likes"),
            func.coalesce(counted.c.dislikes, 0).label("dislikes"),
        )
        .join(Variant, _is_seen())
        .outerjoin(
            counted,
            and_(
                counted.c.user_id == Exposure.user_id,
                counted.c.variant_id == Variant.id,
            ),
        )
        .where(Exposure.experiment_id == experiment_id)
        .order_by(Exposure.user_id, Variant.position)
    )


def _is_seen() -> ColumnElement[bool]:
    """Match an exposure with the variant it names, or with both if it names none."""
    return and_(
        Variant.experiment_id == Exposure.experiment_id,
        func.coalesce(Exposure.variant_id, Variant.id) == Variant.id,
    )


async def exposures(session: AsyncSession, experiment_id: int) -> Sequence[AnyRow]:
    """Read which users saw each variant and since which day (UTC), by user."""
    query = (
        select(
            Exposure.user_id,
            Variant.id.label("variant_id"),
            cast(Exposure.exposed_at, Date).label("exposed_on"),
        )
        .join(Variant, _is_seen())
        .where(Exposure.experiment_id == experiment_id)
        .order_by(Exposure.user_id)
    )
    return (await session.execute(query)).all()


async def stream_votes(
    session: AsyncSession, experiment_id: int
) -> AsyncIterator[AnyRow]:
    """Read every exposed user with their votes, row by row."""
    async for row in await session.stream(_votes_by_user(experiment_id)):
        yield row


async def votes_before(session: AsyncSession, experiment_id: int) -> Sequence[AnyRow]:
    """Read the votes that users cast before they were exposed."""
    query = (
        select(Exposure.user_id, likes, dislikes)
        .join(
            Feedback,
            and_(
                Feedback.user_id == Exposure.user_id,
                Feedback.voted_at < Exposure.exposed_at,
            ),
        )
        .where(Exposure.experiment_id == experiment_id)
        .group_by(Exposure.user_id)
    )
    return (await session.execute(query)).all()


async def votes_by_day(session: AsyncSession, experiment_id: int) -> Sequence[AnyRow]:
    """Count the votes of each user on each day (UTC) that count for a variant."""
    of_experiment = select(Variant.id).where(Variant.experiment_id == experiment_id)
    voted_on = cast(Feedback.voted_at, Date).label("voted_on")
    query = (
        select(Feedback.user_id, Feedback.variant_id, voted_on, likes, dislikes)
        .where(Feedback.variant_id.in_(of_experiment))
        .group_by(Feedback.user_id, Feedback.variant_id, voted_on)
    )
    return (await session.execute(query)).all()


async def days(session: AsyncSession, experiment_id: int) -> Sequence[AnyRow]:
    """Count users exposed and votes cast, by day and variant."""
    of_experiment = select(Variant.id).where(Variant.experiment_id == experiment_id)
    exposed = (
        select(
            cast(Exposure.exposed_at, Date).label("day"),
            Variant.id.label("variant_id"),
            literal(1).label("n_users"),
            literal(0).label("n_likes"),
            literal(0).label("n_dislikes"),
        )
        .join(Variant, _is_seen())
        .where(Exposure.experiment_id == experiment_id)
    )
    voted = select(
        cast(Feedback.voted_at, Date),
        Feedback.variant_id,
        literal(0),
        cast(Feedback.is_like, Integer),
        1 - cast(Feedback.is_like, Integer),
    ).where(Feedback.variant_id.in_(of_experiment))
    events = union_all(exposed, voted).subquery()
    totals = [
        func.sum(events.c[name]).label(name)
        for name in ("n_users", "n_likes", "n_dislikes")
    ]
    query = (
        select(events.c.day, Variant.name.label("variant"), *totals)
        .join(Variant, Variant.id == events.c.variant_id)
        .group_by(events.c.day, Variant.position, Variant.name)
        .order_by(events.c.day, Variant.position)
    )
    return (await session.execute(query)).all()


async def votes_of_all(session: AsyncSession) -> Sequence[AnyRow]:
    """Count likes and dislikes of every user who ever voted."""
    query = select(Feedback.user_id, likes, dislikes).group_by(Feedback.user_id)
    return (await session.execute(query.order_by(Feedback.user_id))).all()
