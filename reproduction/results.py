"""The results of `cinefold reproduce`: frames for tables, records for the rest."""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import pandas as pd

from reproduction.printed import Paper, PublicRuns
from reproduction.votes import Comparison


@dataclass(frozen=True)
class Settings:
    """The choices of this run."""

    seed: int
    test_share: float
    other_test_share: float
    least_ratings: int
    list_length: int
    n_voters: int
    liked_from: float
    n_factors: int
    n_sweeps: int
    error_weight: float
    bias_weight: float
    factor_weight: float
    feature_weight: float
    bias_ratio: float
    factor_ratio: float


@dataclass(frozen=True)
class Dataset:
    """The paper's table of the data set."""

    name: str
    n_ratings: int
    n_users: int
    n_movies: int
    n_rated_movies: int
    n_genres: int
    density: float
    mean: float
    deviation: float
    lowest: float
    highest: float
    median_of_users: float
    median_of_movies: float


@dataclass(frozen=True)
class Map:
    """Points along principal axes.

    Attributes
    ----------
    points : DataFrame
        ``name`` and ``axis 1``, ``axis 2`` and so on.
    explained : list of float
        Each axis's share of the variance.
    ends : DataFrame
        The movies and genres furthest out on each axis: ``name``, ``movies_low``,
        ``movies_high``, ``genres_low`` and ``genres_high``.
    """

    points: pd.DataFrame
    explained: list[float]
    ends: pd.DataFrame


@dataclass(frozen=True)
class DummyUser:
    """A user who rated a single movie.

    Attributes
    ----------
    lists : DataFrame
        Each model's recommendations, best first: ``model``, ``movie_id``, ``title``,
        ``n_ratings``, ``mean`` and ``score``.
    ranges : DataFrame
        Each list in one row: ``model``, ``n_movies``, ``lowest``, ``highest`` and
        ``n_above``, the number of scores above the scale.
    """

    title: str
    stars: float
    lists: pd.DataFrame
    ranges: pd.DataFrame


@dataclass(frozen=True)
class Reproduction:
    """Every number of the report.

    Attributes
    ----------
    rating_counts : DataFrame
        ``stars`` and ``n_ratings``.
    movie_sizes : DataFrame
        ``n_ratings`` and ``n_movies``, the number of movies with that many ratings.
    genres : DataFrame
        ``name``, ``n_movies``, ``n_ratings`` and ``mean``; a movie counts in each of
        its genres.
    top_movies : DataFrame
        The most rated movies: ``movie_id``, ``title``, ``n_ratings`` and ``mean``.
    sweeps : DataFrame
        The paper's Tables 1 to 3: ``model``, ``sweep``, ``loss``, ``train_rmse`` and
        ``test_rmse``. A model "… with λ" has λ in its updates.
    models : DataFrame
        Each model in one row: ``model``, ``train_rmse`` and ``test_rmse`` after the
        last sweep, ``best_test_rmse``, ``best_sweep`` and ``explained``, the share of
        the test ratings' variance.
    other_split_bias : float
        Test RMSE of biases alone on the paper's other split.
    printed_movie_axes : list of float
        Shares of variance on the movie map of the model without λ in its updates.
    genre_directions : DataFrame
        As `Map.ends`, one row per genre.
    dispersion : float
        The usual variance of a movie's ratings, as a share of the possible variance.
    by_variance, by_excess : DataFrame
        The paper's Table 4, and the same ranked by unexplained variance: ``movie_id``,
        ``title``, ``n_ratings``, ``mean``, ``variance``, ``expected`` and ``excess``.
    """

    settings: Settings
    paper: Paper
    public_runs: PublicRuns
    dataset: Dataset
    rating_counts: pd.DataFrame
    movie_sizes: pd.DataFrame
    genres: pd.DataFrame
    top_movies: pd.DataFrame
    sweeps: pd.DataFrame
    models: pd.DataFrame
    other_split_bias: float
    genre_map: Map
    movie_map: Map
    printed_movie_axes: list[float]
    genre_directions: pd.DataFrame
    dummy_user: DummyUser
    dispersion: float
    by_variance: pd.DataFrame
    by_excess: pd.DataFrame
    simulation: Comparison


def as_plain(value: Any) -> Any:  # noqa: ANN401 - any part of the results
    """Turn results into what JSON knows: frames become lists of rows, NaN null."""
    if isinstance(value, pd.DataFrame):
        return value.astype(object).where(value.notna(), None).to_dict("records")
    if is_dataclass(value):
        return {
            field.name: as_plain(getattr(value, field.name)) for field in fields(value)
        }
    return value
