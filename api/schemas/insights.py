"""Bodies of statistics, maps and questions."""

from datetime import datetime

from api.schemas.base import Out
from api.schemas.movies import HistogramBin, MovieOut
from api.schemas.recommendations import ModelReference, Personalization


class MonthCount(Out):
    """How many ratings were given in a month, such as `2015-03`."""

    month: str
    count: int


class RatingInsights(Out):
    """All ratings by stars and by month, and users by their mean rating.

    Counted at `as_of`, not for every request.
    """

    as_of: datetime
    n_ratings: int
    n_users: int
    distribution: list[HistogramBin]
    activity: list[MonthCount]
    strictness: list[HistogramBin]


class PopularityInsights(Out):
    """`n_movies[j]` movies have `n_ratings[j]` ratings each; a line on log-log axes."""

    n_ratings: list[int]
    n_movies: list[int]
    top: list[MovieOut]


class GenreInsight(Out):
    """A genre; a movie counts in all its genres."""

    name: str
    n_movies: int
    n_ratings: int
    mean_rating: float | None


class GenreInsights(Out):
    """All genres, by name."""

    items: list[GenreInsight]


class PolarizingMovie(Out):
    """A movie, how much its ratings vary, and how much is usual at such a mean."""

    movie: MovieOut
    variance: float
    expected_variance: float


class PolarizingMovies(Out):
    """The movies on which opinions differ most.

    `usual_share` of the variance that is possible at a movie's mean is usual.
    """

    usual_share: float
    items: list[PolarizingMovie]


class MovieMap(Out):
    """Movies along the principal axes of a model's factors, a list a property.

    `coordinates` has one list an axis, `explained` the share of the variance along it,
    `genres` for each movie the places of its genres in `genre_names`.
    """

    model: ModelReference
    explained: list[float]
    ids: list[int]
    coordinates: list[list[float]]
    n_ratings: list[int]
    years: list[int | None]
    genre_names: list[str]
    genres: list[list[int]]


class GenreMap(Out):
    """Genres along the principal axes of their directions in the factor space."""

    model: ModelReference
    explained: list[float]
    names: list[str]
    coordinates: list[list[float]]
    n_movies: list[int]


class UserPosition(Out):
    """A user's taste along the axes of a model's movie map.

    `n_ratings_used` of their ratings decide it, votes for less; without any it is
    nobody's.
    """

    model: ModelReference
    n_ratings_used: int
    position: list[float]


class Elicitation(Out):
    """Movies to ask about next, the most telling first.

    `knowledge`: the share of the doubt about this user that their ratings have removed.
    """

    model: ModelReference | None
    personalization: Personalization
    knowledge: float
    items: list[MovieOut]
