"""Bodies of lists, reasons and votes."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import (
    MAX_EXCLUDED,
    MAX_ID,
    MAX_INLINE_RATINGS,
    MAX_QUESTIONS,
    MAX_UNASKED,
    Body,
    BodyId,
    CursorText,
    Fraction,
    MovieIds,
    Out,
    PageSize,
    PlainInteger,
    Stars,
    Vote,
)
from api.schemas.movies import MovieFilter, MovieOut


class ModelReference(Out):
    """The published model that computed a reply."""

    id: int
    created_at: datetime


class SimilarMovie(Out):
    """A movie, and the cosine of its factors and those of the given movie."""

    movie: MovieOut
    similarity: float


class SimilarMovies(Out):
    """Movies liked by the same people; empty if the model lacks this one."""

    model: ModelReference | None
    items: list[SimilarMovie]


class InlineRating(Body):
    """A rating for this request alone; it is not stored."""

    movie_id: BodyId
    value: Stars


class InlineTaste(Body):
    """Ratings of a user who need not exist in the database."""

    ratings: Annotated[list[InlineRating], Field(max_length=MAX_INLINE_RATINGS)]


class PredictionQuery(MovieFilter):
    """The movies to predict; no ids mean all movies."""

    movie_id: Annotated[MovieIds, Field(default_factory=list)]
    limit: PageSize = 24
    cursor: CursorText | None = None


class InlinePredictions(MovieFilter, InlineTaste):
    """Ratings, and the movies to predict; no ids mean all movies."""

    movie_ids: Annotated[MovieIds, Field(default_factory=list)]
    limit: PageSize = 24
    cursor: CursorText | None = None


class InlineQuestions(InlineTaste):
    """Ratings, and the movies not to ask about."""

    limit: Annotated[int, Field(ge=1, le=MAX_QUESTIONS)] = 5
    exclude: Annotated[
        list[BodyId], Field(max_length=MAX_UNASKED, default_factory=list)
    ]


class ListOptions(MovieFilter):
    """The length of a list, and the movies that it may contain."""

    limit: PageSize = 20
    max_ratings: Annotated[
        int | None,
        Field(
            ge=0, le=MAX_ID, description="only movies with at most this many ratings"
        ),
        PlainInteger,
    ] = None
    exclude: Annotated[
        list[BodyId],
        Field(
            default_factory=list,
            max_length=MAX_EXCLUDED,
            description="movie ids to leave out, repeatable",
        ),
    ]
    similar_to: Annotated[
        BodyId | None, Field(description="only movies similar to this one")
    ] = None
    diversity: Annotated[
        Fraction | None,
        Field(
            description="0: best first; 1: most diverse. A list with diversity or"
            " exploration set takes no part in a running experiment"
        ),
    ] = None
    exploration: Annotated[
        Fraction | None, Field(description="0: best first; 1: most uncertain first")
    ] = None


class InlineRatings(ListOptions, InlineTaste):
    """Ratings of a user who need not exist in the database, and a list's options."""


class Personalization(Out):
    """How many ratings and votes of the user the list is based on.

    `none`: no rating that the model knows; `partial`: fewer than ten; `full`: at least
    ten. Votes on movies without a rating are used as well, and counted separately.
    """

    level: Literal["none", "partial", "full"]
    n_ratings: int
    n_ratings_used: int
    n_votes_used: int


class Reason(Out):
    """One of the user's ratings and its exact share of a score."""

    movie_id: int
    title: str
    year: int | None
    value: float
    share: float


class Recommendation(Out):
    """A movie, its reasons, its predicted stars, and the user's vote."""

    movie: MovieOut
    rank: int
    score: float | None
    predicted_rating: float | None
    uncertainty: float | None
    reasons: list[Reason]
    vote: Vote = "none"


class ExperimentReference(Out):
    """The experiment that decided a list, and the variant its user sees.

    `variant` is null if two variants made the list.
    """

    id: int
    variant: str | None


class Recommendations(Out):
    """A ranked list; `model` is null for a list by popularity.

    A vote on one of its movies sends `recommendation_id` back; it is null for a list
    from the ratings of a request.
    """

    recommendation_id: str | None
    model: ModelReference | None
    experiment: ExperimentReference | None
    personalization: Personalization
    items: list[Recommendation]


class Prediction(Out):
    """The stars a user would give a movie; `uncertainty` is a standard deviation."""

    movie: MovieOut
    predicted_rating: float
    uncertainty: float


class PredictionPage(Out):
    """One page of predictions, the most stars first.

    Movies unknown to the model are missing; all are while `model` is null.
    """

    model: ModelReference | None
    items: list[Prediction]
    next_cursor: str | None


class RatingInfluence(Out):
    """The influence of one rating on a user's list."""

    movie_id: int
    share: float


class Influence(Out):
    """The influence of a user's ratings, largest first.

    A score is a sum over ratings and votes. The share of a rating is its absolute part
    in the scores of the first twenty recommendations, divided by the parts of all
    ratings and votes; `votes` is the share of all votes. All shares add up to 1.
    Ratings of movies unknown to the model are missing.
    """

    model: ModelReference | None
    votes: float
    items: list[RatingInfluence]


class Contributions(Out):
    """The parts of a predicted rating, in stars.

    `scale` is what the ends of the scale, and how people use its levels, change.
    """

    global_mean: float
    movie_bias: float
    ratings: float
    votes: float
    scale: float


class Chance(Out):
    """How likely a user gives a movie exactly so many stars."""

    stars: float
    probability: float


class Explanation(Out):
    """A predicted rating and its contributions, which add up to it exactly.

    `unclipped_rating` is their sum without `scale`. `chances` has every level of the
    scale, the lowest first, and adds up to 1; it is empty where the scale has more than
    21 levels, or the model's preset does not learn how people use them.
    `reasons` are shares of the score that orders the recommendations, largest first.
    """

    movie: MovieOut
    model: ModelReference
    predicted_rating: float
    unclipped_rating: float
    uncertainty: float
    chances: list[Chance]
    contributions: Contributions
    reasons: list[Reason]


class HiddenPage(Out):
    """One page of the movies a user has hidden, the last one first."""

    items: list[MovieOut]
    next_cursor: str | None


class FeedbackIn(Body):
    """A vote on a movie of a list; `none` takes an earlier vote back."""

    recommendation_id: Annotated[str, Field(min_length=1, max_length=1000)]
    movie_id: BodyId
    vote: Vote


class FeedbackOut(Out):
    """The current vote."""

    movie_id: int
    vote: Vote
