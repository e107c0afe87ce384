"""The source paper redone on a data set.

The numbers depend on the data and the seed alone, so two runs give the same file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from engine import (
    PLAIN,
    RANKING,
    Head,
    MovieLens,
    fit_head,
    fold_in,
    split_at_random,
    top_k,
)
from engine.arrays import ExactMatrix, ExactVector, FactorMatrix
from engine.data.splits import Split
from engine.insights import (
    Frequencies,
    ends,
    genre_statistics,
    polarization,
    principal_axes,
    rating_frequencies,
    size_frequencies,
)
from engine.paper.configuration import PAPER_PRESETS, PaperConfig
from engine.paper.training import PaperTraining, fit_paper
from reproduction.catalogue import LEAST_RATINGS, LIST_LENGTH, Catalogue
from reproduction.printed import as_printed
from reproduction.results import (
    Bar,
    Choices,
    Course,
    Dataset,
    Direction,
    DummyList,
    DummyUser,
    GenreRow,
    Map,
    MovieRow,
    Point,
    Polarizing,
    PolarizingTable,
    Reproduction,
    SweepRow,
)
from reproduction.simulation import (
    LIKED_FROM,
    N_VOTERS,
    simulate,
)

TEST_SHARE = 0.1
_N_AT_AN_END = 5


@dataclass(frozen=True)
class Step:
    """Progress: what is being done, and how much of all work is behind."""

    name: str
    done: int
    total: int


OnStep: TypeAlias = Callable[[Step], None]


class Progress:
    """Counts finished work and reports it."""

    def __init__(self, on_step: OnStep, total: int) -> None:
        self._on_step, self._total, self._done = on_step, total, 0

    def begin(self, name: str) -> Callable[..., None]:
        """Announce a piece of work; call the result for each unit of it done."""
        self._on_step(Step(name, self._done, self._total))

        def advance(_: object = None) -> None:
            self._done += 1
            self._on_step(Step(name, self._done, self._total))

        return advance


def reproduce(
    dataset: MovieLens, *, name: str, seed: int, on_step: OnStep
) -> Reproduction:
    """Redo the paper on a data set, which the report calls by `name`.

    The triples (user, movie, rating) are split once, and the user side and the movie
    side are both built from the part trained on. Two splits by separate coin flips,
    one a side, would train on most test ratings from the other side.

    Raises
    ------
    DataError
        The data set is unreadable, or too small for the paper's tables.
    """
    sweeps = 2 * sum(preset.n_sweeps for preset in PAPER_PRESETS.values())
    progress = Progress(on_step, sweeps + PLAIN.n_sweeps + RANKING.n_sweeps + 3)
    split_rng, train_rng, heads_rng, vote_rng = np.random.default_rng(seed).spawn(4)
    read = progress.begin("Reading")
    catalogue = Catalogue.read(dataset, name=name)
    split = split_at_random(catalogue.ratings, test_share=TEST_SHARE, rng=split_rng)
    read()
    train = partial(_train, catalogue, split, seed=int(train_rng.integers(2**63)))
    trained = {
        name: train(preset, on_sweep=progress.begin(f"Training the {name} model"))
        for name, preset in PAPER_PRESETS.items()
    }
    precise = {
        name: train(
            preset.as_precisions(),
            on_sweep=progress.begin(f"Training the {name} model with λ"),
        )
        for name, preset in PAPER_PRESETS.items()
    }
    rating, ranking = _train_heads(catalogue, rng=heads_rng, progress=progress)
    # As printed, the factors of the smaller sets are mostly noise: maps and votes would
    # show that and nothing else. So they are of the models with λ in their updates.
    simulated = progress.begin("Simulating votes")
    versions = {name: precise[name].head for name in ("latent", "features")}
    simulation = simulate(catalogue, versions, rating, rng=vote_rng)
    simulated()
    described = progress.begin("Describing")
    features = precise["features"]
    heads = {name: training.head for name, training in trained.items()}
    heads |= {"features with λ": precise["features"].head, "ranking head": ranking}
    result = Reproduction(
        settings=_settings(seed),
        paper=as_printed(),
        dataset=_dataset(catalogue),
        rating_counts=_bars(rating_frequencies(catalogue.ratings)),
        movie_sizes=_bars(size_frequencies(catalogue.statistics.counts)),
        genres=_genres(catalogue),
        top_movies=_top_movies(catalogue),
        courses=[_course(name, found, split) for name, found in trained.items()],
        precision_courses=[
            _course(name, found, split) for name, found in precise.items()
        ],
        genre_map=_genre_map(catalogue, features),
        movie_map=_movie_map(catalogue, features),
        printed_movie_axes=_movie_map(catalogue, trained["features"]).explained,
        genre_directions=_genre_directions(catalogue, features),
        dummy_user=_dummy_user(catalogue, heads),
        polarizing=_polarizing(catalogue),
        simulation=simulation,
    )
    described()
    return result


def _train(
    catalogue: Catalogue,
    split: Split,
    configuration: PaperConfig,
    *,
    seed: int,
    on_sweep: Callable[..., None],
) -> PaperTraining:
    """Train one of the paper's models; equal seeds start from the same factors."""
    return fit_paper(
        split.train,
        configuration,
        item_features=catalogue.genres.membership.astype(np.float64),
        test=split.test,
        rng=np.random.default_rng(seed),
        on_sweep=on_sweep,
    )


def _train_heads(
    catalogue: Catalogue, *, rng: np.random.Generator, progress: Progress
) -> tuple[Head, Head]:
    """Train the engine's own heads on all ratings, those held out included.

    One judges the simulated votes, the other stands beside the paper's lists. The judge
    is the plain rating head: it is quick, and the votes need no better one.
    """
    rating_rng, ranking_rng = rng.spawn(2)
    rating = fit_head(
        catalogue.ratings,
        PLAIN,
        rng=rating_rng,
        on_sweep=progress.begin("Training the engine's rating head"),
    )
    ranking = fit_head(
        catalogue.ratings,
        RANKING,
        name="ranking",
        rng=ranking_rng,
        on_sweep=progress.begin("Training the engine's ranking head"),
    )
    return rating.head, ranking.head


def _settings(seed: int) -> Choices:
    preset = PAPER_PRESETS["features"]
    return Choices(
        seed=seed,
        test_share=TEST_SHARE,
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


def _bars(found: Frequencies) -> list[Bar]:
    pairs = zip(found.values.tolist(), found.counts.tolist(), strict=True)
    return [Bar(value, n) for value, n in pairs]


def _genres(catalogue: Catalogue) -> list[GenreRow]:
    found = genre_statistics(catalogue.ratings, catalogue.genres)
    return [
        GenreRow(
            name=name,
            n_movies=int(found.n_items[index]),
            n_ratings=int(found.n_ratings[index]),
            mean=float(found.means[index]) if found.n_ratings[index] else None,
        )
        for index, name in enumerate(catalogue.genres.names)
    ]


def _top_movies(catalogue: Catalogue) -> list[MovieRow]:
    counts = catalogue.statistics.counts.astype(np.float32)
    return catalogue.rows(top_k(counts, LIST_LENGTH), counts)


def _course(name: str, training: PaperTraining, split: Split) -> Course:
    rows = [
        SweepRow(sweep.sweep, sweep.loss, sweep.train_rmse, sweep.test_rmse)
        for sweep in training.sweeps
        if sweep.test_rmse is not None
    ]
    best = min(rows, key=lambda row: row.test_rmse)
    variance = float(split.test.values.var(dtype=np.float64))
    return Course(
        name=name,
        sweeps=rows,
        best_sweep=best.sweep,
        best_test_rmse=best.test_rmse,
        explained=1 - rows[-1].test_rmse ** 2 / variance,
    )


def _genre_map(catalogue: Catalogue, training: PaperTraining) -> Map:
    """Place the genres by the principal axes of their columns of W."""
    names = catalogue.genres.names
    return _map(catalogue, training, names, training.feature_weights.T, 3)


def _movie_map(catalogue: Catalogue, training: PaperTraining) -> Map:
    """Place the movies with enough ratings by the principal axes of their factors."""
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
    named = zip(names, found.coordinates.tolist(), strict=True)
    return Map(
        points=[Point(*point) for point in named],
        explained=found.explained.tolist(),
        axes=[
            _direction(catalogue, training, f"axis {number}", axis)
            for number, axis in enumerate(found.axes, start=1)
        ],
    )


def _genre_directions(catalogue: Catalogue, training: PaperTraining) -> list[Direction]:
    columns = zip(catalogue.genres.names, training.feature_weights.T, strict=True)
    return [_direction(catalogue, training, *column) for column in columns]


def _direction(
    catalogue: Catalogue, training: PaperTraining, name: str, direction: ExactVector
) -> Direction:
    factors, genres = training.head.item_factors, training.feature_weights.T
    movies = ends(factors, direction, _N_AT_AN_END, among=catalogue.is_known)
    of_genres = ends(genres, direction, _N_AT_AN_END)
    names = catalogue.genres.names
    return Direction(
        name=name,
        movies_low=catalogue.titles(movies.low),
        movies_high=catalogue.titles(movies.high),
        genres_low=[names[index] for index in of_genres.low],
        genres_high=[names[index] for index in of_genres.high],
    )


def _dummy_user(catalogue: Catalogue, heads: dict[str, Head]) -> DummyUser:
    """Recommend to somebody who gave the best rating to one movie."""
    loved = np.array([_toy_story(catalogue)], dtype=np.int32)
    _, stars = catalogue.ratings.value_range
    lists = []
    for name, head in heads.items():
        folded_user = fold_in(head, loved, np.array([stars]))
        found = catalogue.recommend(head, folded_user)
        lists.append(DummyList(name, catalogue.rows(found, head.scores(folded_user))))
    return DummyUser(catalogue.title(loved[0]), stars, lists)


def _toy_story(catalogue: Catalogue) -> int:
    """Find the paper's movie, or where it is missing the one rated most."""
    for index, movie in enumerate(catalogue.movies):
        if (movie.title, movie.year) == ("Toy Story", 1995):
            return index
    return int(catalogue.statistics.counts.argmax())


def _polarizing(catalogue: Catalogue) -> PolarizingTable:
    statistics = catalogue.statistics
    found = polarization(statistics, catalogue.ratings.value_range)

    def best(scores: ExactVector) -> list[Polarizing]:
        finite = np.nan_to_num(scores).astype(np.float32)
        return [
            Polarizing(
                title=catalogue.title(i),
                n_ratings=int(statistics.counts[i]),
                mean=float(statistics.means[i]),
                variance=float(statistics.variances[i]),
                expected=float(found.expected[i]),
                excess=float(found.excess[i]),
            )
            for i in top_k(finite, LIST_LENGTH, candidates=catalogue.known).tolist()
        ]

    return PolarizingTable(
        dispersion=found.dispersion,
        by_variance=best(statistics.variances),
        by_excess=best(found.excess),
    )
