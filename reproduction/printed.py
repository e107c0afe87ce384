"""Numbers that the paper prints, and results of two public runs of its models.

The public runs are course projects: a notebook on MovieLens 25M and a README on
MovieLens 32M. The first splits the users' lists and the movies' lists separately, which
can only lower its test error.
"""

from dataclasses import dataclass, field

import pandas as pd

from reproduction.votes import Comparison, compare

VOTES = {"A": (353, 147), "B": (305, 195)}
"""Likes and dislikes of each version, section 4.7."""
_RMSE = {"bias": 0.7953, "latent": 0.78, "features": 0.77}
_DEVIATION = 1.06  # of the ratings of MovieLens 25M, in stars


def _explained(rmse: float) -> float:
    return 1 - (rmse / _DEVIATION) ** 2


def _votes() -> Comparison:
    counts = pd.DataFrame.from_dict(
        VOTES, orient="index", columns=["likes", "dislikes"]
    )
    counts.insert(0, "n_users", 50)
    return compare(counts.rename_axis("version").reset_index())


@dataclass(frozen=True)
class Paper:
    """Numbers that the paper prints; `explained` is the share of variance they imply.

    It describes its split twice, as 80/20 and as 90/10: hence two test shares.
    """

    n_ratings: int = 25_000_095
    n_users: int = 162_541
    n_rated_movies: int = 59_047
    deviation: float = _DEVIATION
    test_shares: tuple[float, float] = (0.2, 0.1)
    rmse: dict[str, float] = field(default_factory=_RMSE.copy)
    explained: dict[str, float] = field(
        default_factory=lambda: {name: _explained(rmse) for name, rmse in _RMSE.items()}
    )
    gain_by_features: float = _RMSE["latent"] - _RMSE["features"]
    votes: Comparison = field(default_factory=_votes)
    printed_statistic: float = 9.82
    printed_p: float = 0.00173


@dataclass(frozen=True)
class PublicRuns:
    """RMSEs of two public runs: biases on 25M and 32M, factors on 32M alone."""

    names: tuple[str, str] = (
        "Mushtaha7/Movies_Recommendation_System",
        "0900130508ahmed17539/Ahmed_RecommenderSystem_Project",
    )
    bias_train: tuple[float, float] = (0.850, 0.846)
    bias_test: tuple[float, float] = (0.858, 0.856)
    bias_explained: float = _explained(0.858)
    n_factors: int = 20
    latent: float = 0.7716
    features: float = 0.7708
