"""The paper's eleven figures, each with a caption that says what to see."""

from collections.abc import Iterator, Sequence
from html import escape

from engine.data.movielens import split_title
from reproduction import plots
from reproduction.markup import figure, number
from reproduction.results import Course, Map, Reproduction

MODELS = {
    "bias": "Biases alone",
    "latent": "Biases and factors",
    "features": "Biases, factors and genres",
    "features with λ": "Biases, factors and genres, λ in the updates",
    "ranking head": "The ranking head of this engine",
}
_NAMED_AT_AN_END = 3
_LARGE = 1_000  # from here on a loss is written without decimals


def of_data(found: Reproduction) -> Iterator[str]:
    """Draw Figures 1 to 6."""
    yield _stars(found)
    yield _sizes(found)
    yield _means(found)
    yield figure(
        4,
        "Movies by genre",
        "A movie counts in each of its genres, so the bars add up to more than the "
        "catalogue.",
        plots.bars(
            _falling([(genre.name, float(genre.n_movies)) for genre in found.genres]),
            describe="Bars: movies by genre",
        ),
    )
    yield figure(
        5,
        "Ratings by genre",
        "Beside Figure 4 it shows which genres are watched more often than they are "
        "made.",
        plots.bars(
            _falling([(genre.name, float(genre.n_ratings)) for genre in found.genres]),
            describe="Bars: ratings by genre",
        ),
    )
    yield figure(
        6,
        "The most rated movies",
        "Fame more than merit: these are the movies about which most is known.",
        plots.bars(
            [(movie.title, float(movie.n_ratings)) for movie in found.top_movies],
            describe="Bars: the most rated movies",
        ),
    )


def of_training(courses: Sequence[Course]) -> Iterator[str]:
    """Draw Figures 7 to 9, on one vertical axis, each with its loss below."""
    errors = [
        error
        for course in courses
        for row in course.sweeps
        for error in (row.train_rmse, row.test_rmse)
    ]
    domain = _with_margin(errors)
    for index, course in enumerate(courses, start=7):
        name, losses = MODELS[course.name], [row.loss for row in course.sweeps]
        series = [
            ("train", [row.train_rmse for row in course.sweeps]),
            ("test", [row.test_rmse for row in course.sweeps]),
        ]
        drawing = plots.lines(
            series, describe=f"Lines: {name}, error by sweep", domain=domain
        )
        drawing += plots.lines(
            [("loss", losses)],
            describe=f"Line: {name}, loss by sweep",
            domain=_with_margin(losses),
            height=120,
            spec=",.1f" if losses[-1] < _LARGE else ",.0f",
        )
        yield figure(index, name, _course_caption(course), drawing)


def of_factors(found: Reproduction) -> Iterator[str]:
    """Draw Figures 10 and 11."""
    genres, movies = found.genre_map, found.movie_map
    yield figure(
        10,
        "Genres by the first three principal axes of W",
        f"Each genre is its column of W; the axes hold {_shares(genres.explained)} of "
        "the variance, each drawn to its own scale. Genres that stand together pull a "
        "movie the same way; one near the middle says little about taste.",
        plots.space(
            [(point.name, point.coordinates) for point in genres.points],
            describe="Genres in three dimensions",
        ),
    )
    yield figure(
        11,
        "Movies by the first two principal axes of their factors",
        f"Movies with {number(found.settings.least_ratings)} ratings or more; those "
        f"furthest out along each axis are named. The axes hold "
        f"{_shares(movies.explained)} of the variance; as printed, without λ in the "
        f"updates, they would hold {_shares(found.printed_movie_axes)}.",
        plots.plane(
            [(point.coordinates[0], point.coordinates[1]) for point in movies.points],
            [
                (index, split_title(movies.points[index].name)[0])
                for index in _outermost(movies)
            ],
            describe="Movies in two dimensions",
        ),
    )


def _stars(found: Reproduction) -> str:
    data = found.dataset
    commonest = max(found.rating_counts, key=lambda bar: bar.count)
    return figure(
        1,
        "Ratings by number of stars",
        f"The commonest rating is {number(commonest.value, 'g')}, the mean "
        f"{number(data.mean, '.2f')}, on a scale from {number(data.lowest, 'g')} to "
        f"{number(data.highest, 'g')}: people rate what they chose to watch.",
        plots.columns(
            [(f"{bar.value:g}", float(bar.count)) for bar in found.rating_counts],
            describe="Bars: ratings by number of stars",
            horizontal="stars",
            vertical="ratings",
        ),
    )


def _sizes(found: Reproduction) -> str:
    fewest, most = found.movie_sizes[0], found.movie_sizes[-1]
    return figure(
        2,
        "Movies by number of ratings",
        "Both axes are logarithmic; a straight line would be a power law. "
        f"{number(fewest.count)} movies have the fewest, {number(fewest.value)}; the "
        f"most rated one has {number(most.value)}. Most of a catalogue is its tail.",
        plots.log_log(
            [(bar.value, bar.count) for bar in found.movie_sizes],
            describe="Points: movies by number of ratings",
            horizontal="ratings of a movie",
            vertical="movies",
        ),
    )


def _means(found: Reproduction) -> str:
    means = _falling(
        [(genre.name, genre.mean) for genre in found.genres if genre.mean is not None]
    )
    (best, highest), (worst, lowest) = means[0], means[-1]
    return figure(
        3,
        "Average rating by genre",
        f"From {escape(worst)} ({number(lowest, '.2f')}) to {escape(best)} "
        f"({number(highest, '.2f')}); the axis does not start at zero. Small genres "
        "may stand high because only those who seek them rate them.",
        plots.dots(
            means,
            describe="Dots: average rating by genre",
            horizontal="mean rating, stars",
        ),
    )


def _course_caption(course: Course) -> str:
    last = course.sweeps[-1]
    text = (
        f"After {number(last.sweep)} sweeps the test error is "
        f"{number(last.test_rmse, '.4f')}, "
    )
    if round(course.best_test_rmse, 4) == round(last.test_rmse, 4):
        text += "its lowest; "
    else:
        text += (
            f"its lowest having been {number(course.best_test_rmse, '.4f')} at sweep "
            f"{number(course.best_sweep)}; "
        )
    if course.explained <= 0:
        return f"{text}worse than guessing the mean. Below: the loss."
    return f"{text}{number(course.explained, '.0%')} explained. Below: the loss."


def _outermost(found: Map) -> Iterator[int]:
    """Pick the points furthest out at both ends of each axis."""
    picked: set[int] = set()
    for axis in range(len(found.explained)):
        order = sorted(
            range(len(found.points)),
            key=lambda index: found.points[index].coordinates[axis],
        )
        picked.update(order[:_NAMED_AT_AN_END], order[-_NAMED_AT_AN_END:])
    yield from sorted(picked)


def _shares(explained: Sequence[float]) -> str:
    *first, last = (number(share, ".0%") for share in explained)
    return f"{', '.join(first)} and {last}"


def _with_margin(values: Sequence[float]) -> tuple[float, float]:
    margin = (max(values) - min(values)) * 0.08
    return min(values) - margin, max(values) + margin


def _falling(rows: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    return sorted(rows, key=lambda row: (-row[1], row[0]))
