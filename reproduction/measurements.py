"""Measure every table and figure of the source paper on a data set.

The numbers depend on the data and the seed alone, so two runs give the same file.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from engine import Head, MovieLens, fold_in, top_k
from engine.arrays import ExactMatrix, ExactVector, FactorMatrix
from engine.insights import (
    ends,
    genre_statistics,
    polarization,
    principal_axes,
    rating_frequencies,
    size_frequencies,
)
from engine.paper.configuration import PAPER_PRESETS
from reproduction.catalogue import LEAST_RATINGS, LIST_LENGTH, Catalogue
from reproduction.models import (
    N_SWEEPS,
    OTHER_TEST_SHARE,
    TEST_SHARE,
    WITH_LAMBDA,
    PaperTraining,
    train_models,
)
from reproduction.printed import Paper, PublicRuns
from reproduction.progress import OnStep, Progress
from reproduction.results import Dataset, DummyUser, Map, Reproduction, Settings
from reproduction.votes import LIKED_FROM, N_VOTERS, simulate

_N_AT_AN_END = 5
_LOVED = "Toy Story (1995)"  # the movie that the paper's dummy user rates


def reproduce(
    dataset: MovieLens, *, name: str, seed: int, on_step: OnStep
) -> Reproduction:
    """Measure the paper's tables and figures on a data set called `name`.

    Raises
    ------
    DataError
        The data set is unreadable, or too small for the paper's tables.
    """
    progress = Progress(on_step, N_SWEEPS + 3)
    rng = np.random.default_rng(seed)
    finish = progress.begin("Reading")
    catalogue = Catalogue.read(dataset, name=name)
    finish()
    models = train_models(catalogue, rng=rng, progress=progress)

    # As printed, the factors of small data sets are mostly noise, and maps and votes
    # would show nothing else. So they come from the models with λ in their updates.
    finish = progress.begin("Simulating votes")
    versions = {
        name: models.paper[name + WITH_LAMBDA].head for name in ("latent", "features")
    }
    simulation = simulate(catalogue, versions, models.judge, rng=rng.spawn(1)[0])
    finish()

    finish = progress.begin("Describing")
    printed, features = (
        models.paper["features" + ending] for ending in ("", WITH_LAMBDA)
    )
    heads = {name: models.paper[name].head for name in PAPER_PRESETS}
    heads |= {"features" + WITH_LAMBDA: features.head, "ranking head": models.ranking}
    dispersion, by_variance, by_excess = _polarizing(catalogue)
    results = Reproduction(
        settings=_settings(seed),
        paper=Paper(),
        public_runs=PublicRuns(),
        dataset=_dataset(catalogue),
        rating_counts=_rating_counts(catalogue),
        movie_sizes=_movie_sizes(catalogue),
        genres=_genres(catalogue),
        top_movies=catalogue.movies.iloc[
            top_k(catalogue.statistics.counts.astype(np.float32), LIST_LENGTH)
        ],
        sweeps=models.sweeps,
        models=models.summary,
        other_split_bias=models.other_split_bias,
        genre_map=_genre_map(catalogue, features),
        movie_map=_movie_map(catalogue, features),
        printed_movie_axes=_movie_map(catalogue, printed).explained,
        genre_directions=_ends(
            catalogue, features, catalogue.genres.names, features.feature_weights.T
        ),
        dummy_user=_dummy_user(catalogue, heads),
        dispersion=dispersion,
        by_variance=by_variance,
        by_excess=by_excess,
        simulation=simulation,
    )
    finish()
    return results


def _settings(seed: int) -> Settings:
    preset = PAPER_PRESETS["features"]
    return Settings(
        seed=seed,
        test_share=TEST_SHARE,
        other_test_share=OTHER_TEST_SHARE,
        least_ratings=LEAST_RATINGS,
        list_length=LIST_LENGTH,
        n_voters=N_VOTERS,
        liked_from=LIKED_FROM,
        n_factors=preset.n_factors,
        n_sweeps=preset.n_sweeps,
        error_weight=preset.error_weight,
        bias_weight=preset.bias_weight,
        factor_weight=preset.factor_weight,
        feature_weight=preset.feature_weight,
        bias_ratio=preset.bias_weight / preset.error_weight,
        factor_ratio=preset.factor_weight / preset.error_weight,
    )


def _dataset(catalogue: Catalogue) -> Dataset:
    ratings, counts = catalogue.ratings, catalogue.statistics.counts
    n_rated = int((counts > 0).sum())
    lowest, highest = ratings.value_range
    return Dataset(
        name=catalogue.name,
        n_ratings=ratings.n_ratings,
        n_users=ratings.n_users,
        n_movies=ratings.n_items,
        n_rated_movies=n_rated,
        n_genres=len(catalogue.genres.names),
        density=ratings.n_ratings / (ratings.n_users * n_rated),
        mean=ratings.mean,
        deviation=float(ratings.by_user.values.std(dtype=np.float64)),
        lowest=lowest,
        highest=highest,
        median_of_users=float(np.median(ratings.by_user.counts)),
        median_of_movies=float(np.median(counts[counts > 0])),
    )


def _rating_counts(catalogue: Catalogue) -> pd.DataFrame:
    found = rating_frequencies(catalogue.ratings)
    stars = found.values.astype(np.float64)
    return pd.DataFrame({"stars": stars, "n_ratings": found.counts})


def _movie_sizes(catalogue: Catalogue) -> pd.DataFrame:
    found = size_frequencies(catalogue.statistics.counts)
    return pd.DataFrame({"n_ratings": found.values, "n_movies": found.counts})


def _genres(catalogue: Catalogue) -> pd.DataFrame:
    found = genre_statistics(catalogue.ratings, catalogue.genres)
    return pd.DataFrame(
        {
            "name": catalogue.genres.names,
            "n_movies": found.n_items,
            "n_ratings": found.n_ratings,
            "mean": found.means,
        }
    )


def _genre_map(catalogue: Catalogue, training: PaperTraining) -> Map:
    """Place the genres by the principal axes of their columns of W."""
    names = catalogue.genres.names
    return _map(catalogue, training, names, training.feature_weights.T, 3)


def _movie_map(catalogue: Catalogue, training: PaperTraining) -> Map:
    """Place the known movies by the principal axes of their factors."""
    factors, known = training.head.item_factors, catalogue.known
    return _map(catalogue, training, catalogue.titles(known), factors[known], 2)


def _map(
    catalogue: Catalogue,
    training: PaperTraining,
    names: Sequence[str],
    points: ExactMatrix | FactorMatrix,
    n_axes: int,
) -> Map:
    found = principal_axes(points, n_axes)
    axes = [f"axis {number}" for number in range(1, n_axes + 1)]
    coordinates = pd.DataFrame(found.coordinates, columns=axes)
    coordinates.insert(0, "name", names)
    return Map(
        points=coordinates,
        explained=found.explained.tolist(),
        ends=_ends(catalogue, training, axes, found.axes),
    )


def _ends(
    catalogue: Catalogue,
    training: PaperTraining,
    names: Sequence[str],
    directions: ExactMatrix,
) -> pd.DataFrame:
    """Find the movies and genres furthest out in each direction."""
    is_known = catalogue.statistics.counts >= LEAST_RATINGS
    factors, weights = training.head.item_factors, training.feature_weights.T
    genre_names = np.array(catalogue.genres.names, dtype=object)
    rows = []
    for name, direction in zip(names, directions, strict=True):
        movies = ends(factors, direction, _N_AT_AN_END, among=is_known)
        genres = ends(weights, direction, _N_AT_AN_END)
        rows.append(
            {
                "name": name,
                "movies_low": catalogue.titles(movies.low),
                "movies_high": catalogue.titles(movies.high),
                "genres_low": genre_names[genres.low].tolist(),
                "genres_high": genre_names[genres.high].tolist(),
            }
        )
    return pd.DataFrame(rows)


def _dummy_user(catalogue: Catalogue, heads: Mapping[str, Head]) -> DummyUser:
    """Recommend to a user who gave the best rating to one movie."""
    loved = _loved(catalogue)
    _, stars = catalogue.ratings.value_range
    lists = pd.concat(
        [
            catalogue.recommend(
                head, fold_in(head, np.array([loved]), np.array([stars]))
            ).assign(model=name)
            for name, head in heads.items()
        ],
        ignore_index=True,
    )
    scores = lists.groupby("model", sort=False)["score"]
    ranges = scores.agg(n_movies="size", lowest="min", highest="max")
    ranges["n_above"] = scores.agg(lambda list_: int((list_ > stars).sum()))
    return DummyUser(
        catalogue.movies["title"].iloc[loved], stars, lists, ranges.reset_index()
    )


def _loved(catalogue: Catalogue) -> int:
    """Find the paper's movie; if it is missing, take the most rated one."""
    matches = np.flatnonzero(catalogue.movies["title"] == _LOVED)
    if len(matches):
        return int(matches[0])
    return int(catalogue.statistics.counts.argmax())


def _polarizing(catalogue: Catalogue) -> tuple[float, pd.DataFrame, pd.DataFrame]:
    """Measure the dispersion, and rank movies by variance and by excess."""
    statistics = catalogue.statistics
    found = polarization(statistics, catalogue.ratings.value_range)
    movies = catalogue.movies.assign(
        variance=statistics.variances, expected=found.expected, excess=found.excess
    )

    def most(scores: ExactVector) -> pd.DataFrame:
        finite = np.nan_to_num(scores).astype(np.float32)
        return movies.iloc[top_k(finite, LIST_LENGTH, candidates=catalogue.known)]

    return found.dispersion, most(statistics.variances), most(found.excess)
