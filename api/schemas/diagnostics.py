"""Bodies of dummy users and expectations."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from api.schemas.base import MAX_INLINE_RATINGS, MAX_PAGE, Body, BodyId, Out, clean_text
from api.schemas.recommendations import InlineRating, ModelReference, Recommendations


class ExpectedMovie(Body):
    """A movie that must be among the first `within` of a list."""

    movie_id: BodyId
    within: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 10


class ExpectationIn(Body):
    """The ratings of a dummy user, and the movies that models must recommend."""

    name: Annotated[
        str, Field(min_length=1, max_length=100), AfterValidator(clean_text)
    ]
    ratings: Annotated[list[InlineRating], Field(min_length=1, max_length=100)]
    expected: Annotated[list[ExpectedMovie], Field(min_length=1, max_length=20)]


class ExpectationOut(Out):
    """A stored expectation; a model must meet it before it can go live."""

    id: int
    name: str
    ratings: list[InlineRating]
    expected: list[ExpectedMovie]
    created_at: datetime


class Expectations(Out):
    """All stored expectations."""

    items: list[ExpectationOut]


class CheckOut(Out):
    """One check of a model before it can go live."""

    name: str
    passed: bool
    detail: str


class Checks(Out):
    """All checks of a model; it can go live if all pass."""

    model: ModelReference
    passed: bool
    items: list[CheckOut]


class DummyUser(Body):
    """Ratings of a dummy user; `model_id` defaults to the live model."""

    model_id: BodyId | None = None
    ratings: Annotated[list[InlineRating], Field(max_length=MAX_INLINE_RATINGS)]
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 10


class Diagnosis(Out):
    """The recommendations of a model for a dummy user.

    `position` is the user's position on the movie map. If two movies
    differ only in their place on the map, the one further in that direction has the
    higher prediction.
    """

    recommendations: Recommendations
    position: list[float]
