"""Recommendations from explicit ratings: train, fold a user in, rank, explain.

Examples
--------
>>> import numpy as np
>>> from engine import fit, fold_in, make_ratings, top_k
>>> ratings = make_ratings(rng=np.random.default_rng(1)).ratings
>>> model = fit(ratings, rng=np.random.default_rng(2))
>>> loved = model.item_indices_of([10, 20])
>>> user = fold_in(model.ranking, loved, np.array([5.0, 4.5]))
>>> top_k(model.ranking.scores(user), 5, excluded=loved).shape
(5,)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine.data.features import one_hot
from engine.data.movielens import MovieLens
from engine.data.ratings import Ratings
from engine.data.splits import split_at_random, split_by_user
from engine.data.synthetic import make_ratings
from engine.errors import ArtifactError, DataError, EngineError, SolveError
from engine.model.configuration import (
    PLAIN,
    RANKING,
    RATING,
    HeadConfig,
    RankingConfig,
    RidgeConfig,
    VariationalConfig,
)
from engine.model.files import Manifest, load_model, read_manifest, save_model
from engine.model.heads import Head, Model, RidgeHead
from engine.model.users import FoldedUser
from engine.model.variational_head import UserPrior, VariationalHead
from engine.paper.configuration import PAPER_PRESETS, PaperConfig
from engine.serving.elicitation import knowledge, questions
from engine.serving.explanation import Reasons, reasons
from engine.serving.fold_in import (
    expected_ratings,
    fold_in,
    level_chances,
    predict,
    uncertainty,
)
from engine.serving.ranking import similar_items, top_k
from engine.serving.recommendation import recommend

if TYPE_CHECKING:
    from engine.data.frames import to_frame
    from engine.estimators import ALSRecommender
    from engine.evaluation.compare import evaluate
    from engine.training.fit import fit, fit_head
    from engine.training.sweeps import Sweep, Training

# Training needs the compiler, serving does not. What only trains is loaded on first
# use: a web process starts faster and never holds it.
_LOADED_ON_USE = {
    "ALSRecommender": "engine.estimators",
    "Sweep": "engine.training.sweeps",
    "Training": "engine.training.sweeps",
    "evaluate": "engine.evaluation.compare",
    "fit": "engine.training.fit",
    "fit_head": "engine.training.fit",
    "to_frame": "engine.data.frames",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has the name
    """Find what is loaded on first use."""
    if name not in _LOADED_ON_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LOADED_ON_USE[name]), name)


__all__ = [
    "PAPER_PRESETS",
    "PLAIN",
    "RANKING",
    "RATING",
    "ALSRecommender",
    "ArtifactError",
    "DataError",
    "EngineError",
    "FoldedUser",
    "Head",
    "HeadConfig",
    "Manifest",
    "Model",
    "MovieLens",
    "PaperConfig",
    "RankingConfig",
    "Ratings",
    "Reasons",
    "RidgeConfig",
    "RidgeHead",
    "SolveError",
    "Sweep",
    "Training",
    "UserPrior",
    "VariationalConfig",
    "VariationalHead",
    "evaluate",
    "expected_ratings",
    "fit",
    "fit_head",
    "fold_in",
    "knowledge",
    "level_chances",
    "load_model",
    "make_ratings",
    "one_hot",
    "predict",
    "questions",
    "read_manifest",
    "reasons",
    "recommend",
    "save_model",
    "similar_items",
    "split_at_random",
    "split_by_user",
    "to_frame",
    "top_k",
    "uncertainty",
]
