"""Dummy users: what a model makes of them, and what it must make of them."""

from collections.abc import Sequence

import numpy as np

from api.schemas import CheckOut
from api.tables import Expectation
from engine.foldin import fold_in
from engine.model import Model
from engine.ranking import top_k


def failures(model: Model, expectations: Sequence[Expectation]) -> list[str]:
    """Name the expectations that a model does not meet."""
    return [check.name for check in checks(model, expectations) if not check.passed]


def checks(model: Model, expectations: Sequence[Expectation]) -> list[CheckOut]:
    """Hold a model against every expectation."""
    return [_check(model, expectation) for expectation in expectations]


def _check(model: Model, expectation: Expectation) -> CheckOut:
    """Rank for the dummy user and look where the expected movies stand."""
    wanted = {each["movie_id"]: each["within"] for each in expectation.expected}
    ids = [rating["movie_id"] for rating in expectation.ratings]
    values = np.array([rating["value"] for rating in expectation.ratings])
    indices = model.item_indices_of(ids)
    known = indices >= 0
    taste = fold_in(model.ranking, indices[known], values[known])
    scores = model.ranking.scores(taste)
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
        detail="; ".join(missing) or "every expected movie is in its place",
    )
