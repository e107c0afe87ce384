"""What `cinefold reproduce` finds, as plain records: its JSON file, field by field."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dataset:
    """The paper's dataset table."""

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
class Bar:
    """One value of a plot and how often it occurs."""

    value: float
    count: int


@dataclass(frozen=True)
class GenreRow:
    """One genre; a movie counts in each of its genres."""

    name: str
    n_movies: int
    n_ratings: int
    mean: float | None


@dataclass(frozen=True)
class MovieRow:
    """One movie in a list; `score` is what ordered it there."""

    title: str
    n_ratings: int
    mean: float
    score: float


@dataclass(frozen=True)
class SweepRow:
    """One line of the paper's Tables 1 to 3."""

    sweep: int
    loss: float
    train_rmse: float
    test_rmse: float


@dataclass(frozen=True)
class Course:
    """How one of the paper's models trained; the best sweep is the best on the test."""

    name: str
    sweeps: list[SweepRow]
    best_sweep: int
    best_test_rmse: float
    explained: float


@dataclass(frozen=True)
class Point:
    """One point of a map, along the principal axes."""

    name: str
    coordinates: list[float]


@dataclass(frozen=True)
class Direction:
    """What lies at the two ends of a principal axis or of a genre's direction."""

    name: str
    movies_low: list[str]
    movies_high: list[str]
    genres_low: list[str]
    genres_high: list[str]


@dataclass(frozen=True)
class Map:
    """Points along principal axes, with each axis's share of the variance and ends."""

    points: list[Point]
    explained: list[float]
    axes: list[Direction]


@dataclass(frozen=True)
class DummyList:
    """What one model recommends to the dummy user."""

    name: str
    movies: list[MovieRow]


@dataclass(frozen=True)
class DummyUser:
    """Somebody who rated a single movie."""

    title: str
    stars: float
    lists: list[DummyList]


@dataclass(frozen=True)
class Polarizing:
    """One line of the paper's Table 4."""

    title: str
    n_ratings: int
    mean: float
    variance: float
    expected: float
    excess: float


@dataclass(frozen=True)
class PolarizingTable:
    """Table 4 twice: by variance, and by what the mean does not explain of it."""

    dispersion: float
    by_variance: list[Polarizing]
    by_excess: list[Polarizing]


@dataclass(frozen=True)
class ChiSquare:
    """Pearson's test of one table of counts."""

    statistic: float
    p: float


@dataclass(frozen=True)
class Votes:
    """Likes and dislikes of one version."""

    version: str
    n_users: int
    likes: int
    dislikes: int
    like_share: float | None


@dataclass(frozen=True)
class Comparison:
    """Two versions compared; None where there is nothing to compare."""

    votes: list[Votes]
    plain: ChiSquare | None
    yates: ChiSquare | None


@dataclass(frozen=True)
class Choices:
    """What was chosen for this run."""

    seed: int
    test_share: float
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
class Paper:
    """What the paper prints, and what others measured of the same models."""

    n_ratings: int
    n_users: int
    n_rated_movies: int
    deviation: float
    rmse: dict[str, float]
    explained: dict[str, float]
    votes: Comparison
    printed_statistic: float
    printed_p: float
    others: list[str]
    others_bias_train: list[float]
    others_bias_test: list[float]
    others_bias_explained: float
    others_n_factors: int
    others_latent: float
    others_features: float
    gain_by_features: float


@dataclass(frozen=True)
class Reproduction:
    """Every number of the report."""

    settings: Choices
    paper: Paper
    dataset: Dataset
    rating_counts: list[Bar]
    movie_sizes: list[Bar]
    genres: list[GenreRow]
    top_movies: list[MovieRow]
    courses: list[Course]
    precision_courses: list[Course]
    genre_map: Map
    movie_map: Map
    printed_movie_axes: list[float]
    genre_directions: list[Direction]
    dummy_user: DummyUser
    polarizing: PolarizingTable
    simulation: Comparison
