"""Maps: the factor space of a model along its principal axes."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import movies as movie_queries
from api.schemas.insights import GenreMap, MovieMap, UserPosition
from api.schemas.recommendations import ModelReference
from api.services.profiles import RatingHistory, known_to, read_history
from api.tables import Model
from api.web.problems import (
    NotFound,
    WrongState,
    invalid,
)
from engine.arrays import ExactMatrix, FactorMatrix
from engine.errors import ArtifactError, DataError
from engine.insights import PrincipalAxes, genres_of, principal_axes
from engine.model.files import load_model
from engine.model.heads import Head
from engine.model.heads import Model as EngineModel

Known: TypeAlias = Mapping[int, tuple[int | None, list[str]]]
"""Year and genres of each movie by its id."""

RIDGE = 0.1  # the paper's τ
DECIMALS = 4


def tag(model_id: int, *, of: str, dims: int) -> str:
    """Return the entity tag of a map; a stored model never changes, nor its maps."""
    return f'"{model_id}-{of}-{dims}"'


async def of_movies(
    session: AsyncSession, models_dir: Path, *, model_id: int, dims: int
) -> bytes:
    """Map every movie that the model has ratings of; return a `MovieMap` as JSON."""
    row, folder = await _found(session, models_dir, model_id)
    known = await movie_queries.years_and_genres(session)
    await session.commit()  # frees the connection: this takes time
    reference = ModelReference(id=row.id, created_at=row.created_at)
    return await to_thread.run_sync(_movie_map, reference, folder, dims, known)


async def of_genres(
    session: AsyncSession, models_dir: Path, *, model_id: int, dims: int
) -> bytes:
    """Map every genre by its column of ``W``; return a `GenreMap` as JSON."""
    row, folder = await _found(session, models_dir, model_id)
    known = await movie_queries.years_and_genres(session)
    await session.commit()
    reference = ModelReference(id=row.id, created_at=row.created_at)
    return await to_thread.run_sync(_genre_map, reference, folder, dims, known)


async def of_user(
    session: AsyncSession,
    models_dir: Path,
    *,
    model_id: int,
    user_id: int,
    vote_weight: float,
    dims: int,
) -> UserPosition:
    """Place a user on the map of movies by their current ratings and votes."""
    row, folder = await _found(session, models_dir, model_id)
    history = await read_history(session, user_id, vote_weight=vote_weight)
    await session.commit()
    reference = ModelReference(id=row.id, created_at=row.created_at)
    return await to_thread.run_sync(_user_position, reference, folder, dims, history)


def _user_position(
    reference: ModelReference, folder: Path, dims: int, history: RatingHistory
) -> UserPosition:
    model, axes = _movie_axes(folder, dims)
    known = known_to(model, history)
    folded_user = known.folded_user(model.rating)
    return UserPosition(
        model=reference,
        n_ratings_used=known.n_rated,
        position=np.round(axes.axes @ folded_user.factors, DECIMALS).tolist(),
    )


def _movie_map(
    reference: ModelReference, folder: Path, dims: int, known: Known
) -> bytes:
    model, axes = _movie_axes(folder, dims)
    ids = model.item_ids.tolist()
    shown = [
        n for n, id_ in enumerate(ids) if model.item_counts[n] > 0 and id_ in known
    ]
    names = sorted({genre for _, mine in known.values() for genre in mine})
    number = {name: n for n, name in enumerate(names)}
    found = MovieMap(
        model=reference,
        explained=axes.explained.tolist(),
        ids=[ids[n] for n in shown],
        coordinates=_columns(axes.coordinates[shown]),
        n_ratings=model.item_counts[shown].tolist(),
        years=[known[ids[n]][0] for n in shown],
        genre_names=names,
        genres=[[number[name] for name in known[ids[n]][1]] for n in shown],
    )
    return found.model_dump_json().encode()


def _genre_map(
    reference: ModelReference, folder: Path, dims: int, known: Known
) -> bytes:
    model = load(folder)
    rated = np.flatnonzero(model.item_counts > 0)
    of_item = [known.get(id_, (None, []))[1] for id_ in model.item_ids[rated].tolist()]
    genres = genres_of(of_item)
    weights = genre_weights(model.rating.item_factors[rated], genres.membership)
    axes = _axes(weights, dims)
    found = GenreMap(
        model=reference,
        explained=axes.explained.tolist(),
        names=list(genres.names),
        coordinates=_columns(axes.coordinates),
        n_movies=genres.membership.sum(axis=0).tolist(),
    )
    return found.model_dump_json().encode()


def genre_weights(
    factors: FactorMatrix, membership: npt.NDArray[np.bool_]
) -> ExactMatrix:
    """Regress factors on genres, one row a genre, as the paper learns W.

    For given factors ``V`` and genres ``f`` the minimum is::

        W <- (sum_i f_i f_i' + τI)^-1 sum_i f_i V_i'
    """
    features = membership.astype(np.float64)
    gram = features.T @ features + RIDGE * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, features.T @ factors)
    return weights.astype(np.float64)


async def require(session: AsyncSession, *, model_id: int) -> Model:
    """Read a model's row; raises `NotFound`."""
    row = await session.get(Model, model_id)
    if row is None:
        raise NotFound
    return row


async def _found(
    session: AsyncSession, models_dir: Path, model_id: int
) -> tuple[Model, Path]:
    row = await require(session, model_id=model_id)
    return row, models_dir / row.folder


def load(folder: Path) -> EngineModel:
    """Read a stored model; raises `WrongState` if it is damaged."""
    try:
        return load_model(folder)
    except ArtifactError as error:
        raise WrongState(str(error)) from error


# A stored model never changes; the cached arrays have three numbers per movie.
@lru_cache(maxsize=8)
def _movie_axes(folder: Path, dims: int) -> tuple[EngineModel, PrincipalAxes]:
    model = load(folder)
    return model, _axes(model.rating.item_factors, dims)


def axes_of(head: Head) -> ExactMatrix:
    """Find up to three principal axes of the movie map."""
    dims = min(3, head.n_factors, head.n_items)
    if dims == 0:
        return np.zeros((0, head.n_factors))
    return principal_axes(head.item_factors, dims).axes


def _axes(points: FactorMatrix | ExactMatrix, dims: int) -> PrincipalAxes:
    try:
        return principal_axes(points, dims)
    except DataError as error:
        message = f"dims is {dims}; the model has fewer axes"
        raise invalid("query", "dims", code="axes", message=message) from error


def _columns(coordinates: ExactMatrix) -> list[list[float]]:
    columns: list[list[float]] = np.round(coordinates.T, DECIMALS).tolist()
    return columns
