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
    """The one published model a reply was computed with."""

    id: int
    created_at: datetime


class SimilarMovie(Out):
    """A movie and the cosine of its factors with those of the movie asked about."""

    movie: MovieOut
    similarity: float


class SimilarMovies(Out):
    """Movies liked by the same people; empty if the model does not know this one."""

    model: ModelReference | None
    items: list[SimilarMovie]


class InlineRating(Body):
    """A rating that is used for this request and stored nowhere."""

    movie_id: BodyId
    value: Stars


class InlineTaste(Body):
    """Ratings of somebody who need not exist in the database."""

    ratings: Annotated[list[InlineRating], Field(max_length=MAX_INLINE_RATINGS)]


class PredictionQuery(MovieFilter):
    """Which predictions a client wants; no ids mean all movies."""

    movie_id: Annotated[MovieIds, Field(default_factory=list)]
    limit: PageSize = 24
    cursor: CursorText | None = None


class InlinePredictions(MovieFilter, InlineTaste):
    """Ratings of somebody, and which predictions they want; no ids mean all movies."""

    movie_ids: Annotated[MovieIds, Field(default_factory=list)]
    limit: PageSize = 24
    cursor: CursorText | None = None


class InlineQuestions(InlineTaste):
    """Ratings of somebody, and what not to ask them."""

    limit: Annotated[int, Field(ge=1, le=MAX_QUESTIONS)] = 5
    exclude: Annotated[
        list[BodyId], Field(max_length=MAX_UNASKED, default_factory=list)
    ]


class ListOptions(MovieFilter):
    """What a list may contain, and how much of it."""

    limit: PageSize = 20
    max_ratings: Annotated[
        int | None,
        Field(ge=0, le=MAX_ID, description="only movies with at most so many ratings"),
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
        BodyId | None, Field(description="only the movies most like this one")
    ] = None
    diversity: Annotated[
        Fraction | None,
        Field(
            description="0: best first; 1: all unlike. A list with this or exploration"
            " set takes no part in a running experiment"
        ),
    ] = None
    exploration: Annotated[
        Fraction | None, Field(description="0: best first; 1: least known")
    ] = None


class InlineRatings(ListOptions, InlineTaste):
    """Ratings of somebody who need not exist in the database, and filters."""


class Personalization(Out):
    """How much of the list is the user's own taste.

    `none`: no rating the model knows; `partial`: fewer than ten; `full`: ten or more.
    Votes on movies without a rating are used as well, and counted apart.
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
    """A movie, why it stands here, how many stars to expect, and the reader's vote."""

    movie: MovieOut
    rank: int
    score: float | None
    predicted_rating: float | None
    uncertainty: float | None
    reasons: list[Reason]
    vote: Vote = "none"


class ExperimentReference(Out):
    """The experiment that decided a list, and the variant its user sees.

    Null where the list is drawn from both.
    """

    id: int
    variant: str | None


class Recommendations(Out):
    """A ranked list; `model` is null while it is by popularity alone.

    `recommendation_id` is what a vote on one of its movies sends back; null for a list
    made from the ratings of a request, whose reader is nobody in particular.
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
    """One page of movies, the one that promises most stars first.

    Movies unknown to the model are missing; all of them while `model` is null.
    """

    model: ModelReference | None
    items: list[Prediction]
    next_cursor: str | None


class RatingInfluence(Out):
    """How much of a user's list one of their ratings makes."""

    movie_id: int
    share: float


class Influence(Out):
    """The influence of a user's ratings, largest first.

    A score is a sum over ratings and votes. The share is the absolute part of a rating
    in the scores of the first twenty recommendations, over the parts of all ratings and
    votes; `votes` is the share of all votes. Together they add up to 1. A rating of a
    movie unknown to the model has none and is missing.
    """

    model: ModelReference | None
    votes: float
    items: list[RatingInfluence]


class Contributions(Out):
    """The parts of a predicted rating, in stars; the last two are the user's own."""

    global_mean: float
    movie_bias: float
    ratings: float
    votes: float


class Explanation(Out):
    """A predicted rating, taken apart: the contributions add up to it exactly.

    `reasons` are shares of the score that orders the recommendations, largest first.
    """

    movie: MovieOut
    model: ModelReference
    predicted_rating: float
    unclipped_rating: float
    uncertainty: float
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
    """The vote that stands now."""

    movie_id: int
    vote: Vote
