"""Dummy users: what a model recommends to them, and what it must recommend."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from anyio import to_thread
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import diagnostics as queries
from api.schemas.diagnostics import (
    CheckOut,
    Diagnosis,
    DummyUser,
    ExpectationIn,
    ExpectationOut,
    Expectations,
)
from api.services import maps, recommendations
from api.services.model_store import ServedModel
from api.services.profiles import ListRequest, inline_history, profile_in
from api.tables import Expectation
from api.tables import Model as ModelRow
from api.web.problems import (
    NotFound,
    WrongState,
    invalid,
)
from engine.model.heads import Model
from engine.serving.fold_in import fold_in
from engine.serving.ranking import top_k

MAX_EXPECTATIONS = 50


def failures(model: Model, expectations: Sequence[Expectation]) -> list[str]:
    """Name the expectations that a model does not meet."""
    return [check.name for check in checks(model, expectations) if not check.passed]


def checks(model: Model, expectations: Sequence[Expectation]) -> list[CheckOut]:
    """Check a model against every expectation."""
    return [_check(model, expectation) for expectation in expectations]


def _check(model: Model, expectation: Expectation) -> CheckOut:
    """Rank for the dummy user and check the ranks of the expected movies."""
    wanted = {each["movie_id"]: each["within"] for each in expectation.expected}
    ids = [rating["movie_id"] for rating in expectation.ratings]
    values = np.array([rating["value"] for rating in expectation.ratings])
    indices = model.item_indices_of(ids)
    known = indices >= 0
    folded_user = fold_in(model.ranking, indices[known], values[known])
    scores = model.ranking.scores(folded_user)
    ranked = top_k(scores, max(wanted.values()), excluded=indices[known])
    ranks = {int(id_): n for n, id_ in enumerate(model.item_ids[ranked], start=1)}
    missing = [
        f"movie {movie_id} is not among the first {within}"
        for movie_id, within in wanted.items()
        if ranks.get(movie_id, within + 1) > within
    ]
    return CheckOut(
        name=expectation.name,
        passed=not missing,
        detail="; ".join(missing) or "every expected movie is among the first",
    )


async def dummy_user(
    session: AsyncSession,
    served: ServedModel | None,
    models_dir: Path,
    *,
    body: DummyUser,
) -> Diagnosis:
    """Show what a model, the live one or another, recommends for some ratings."""
    if body.model_id is not None:
        served = await _stored(session, models_dir, body.model_id)
    history = inline_history(body.ratings)
    found = await recommendations.recommend(
        session, served, history=history, request=ListRequest(limit=body.limit)
    )
    if served is None:
        return Diagnosis(recommendations=found, position=[])
    folded_user = profile_in(served, history).rating
    axes = await to_thread.run_sync(maps.axes_of, served.model.rating)
    return Diagnosis(
        recommendations=found, position=(axes @ folded_user.factors).tolist()
    )


async def _stored(
    session: AsyncSession, models_dir: Path, model_id: int
) -> ServedModel:
    row = await session.get(ModelRow, model_id)
    if row is None:
        raise NotFound
    await session.commit()  # frees the connection: reading takes time
    model = await to_thread.run_sync(maps.load, models_dir / row.folder)
    return ServedModel(row.id, row.created_at, model)


async def list_expectations(session: AsyncSession) -> Expectations:
    """List all expectations."""
    rows = await queries.expectations(session)
    return Expectations(items=[ExpectationOut.model_validate(row) for row in rows])


async def add_expectation(
    session: AsyncSession, *, body: ExpectationIn
) -> ExpectationOut:
    """Store an expectation; from now on a model must meet it before it goes live."""
    for name, given in (("ratings", body.ratings), ("expected", body.expected)):
        if len({each.movie_id for each in given}) < len(given):
            message = "Name each movie once"
            raise invalid("body", name, code="repeated", message=message)
    if len(await queries.expectations(session)) >= MAX_EXPECTATIONS:
        raise WrongState(
            f"There are {MAX_EXPECTATIONS} expectations already; delete one first"
        )
    try:
        row = await queries.add(session, body.model_dump())
    except IntegrityError as error:
        raise WrongState("An expectation has this name; choose another") from error
    await session.commit()
    return ExpectationOut.model_validate(row)


async def remove_expectation(session: AsyncSession, *, expectation_id: int) -> None:
    """Delete an expectation."""
    if not await queries.remove(session, expectation_id):
        raise NotFound
    await session.commit()
