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
    """A dummy user, by ratings, and the movies that must be recommended to them."""

    name: Annotated[
        str, Field(min_length=1, max_length=100), AfterValidator(clean_text)
    ]
    ratings: Annotated[list[InlineRating], Field(min_length=1, max_length=100)]
    expected: Annotated[list[ExpectedMovie], Field(min_length=1, max_length=20)]


class ExpectationOut(Out):
    """A stored expectation; every model must meet it to be activated."""

    id: int
    name: str
    ratings: list[InlineRating]
    expected: list[ExpectedMovie]
    created_at: datetime


class Expectations(Out):
    """All stored expectations."""

    items: list[ExpectationOut]


class CheckOut(Out):
    """One line of the checklist before a model is activated."""

    name: str
    passed: bool
    detail: str


class Checks(Out):
    """The checklist of a model; it can be activated if all of it passes."""

    model: ModelReference
    passed: bool
    items: list[CheckOut]


class DummyUser(Body):
    """Ratings of nobody in particular; without `model_id` for the active model."""

    model_id: BodyId | None = None
    ratings: Annotated[list[InlineRating], Field(max_length=MAX_INLINE_RATINGS)]
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 10


class Diagnosis(Out):
    """What the active model makes of a dummy user.

    `position` is the taste along the principal axes of the movie map: of two movies,
    the one further in its direction is predicted higher, all else equal.
    """

    recommendations: Recommendations
    position: list[float]
