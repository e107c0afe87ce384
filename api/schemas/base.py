"""Types shared by bodies and parameters: ids, stars, names, problems."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Header, Path, Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from api.formats.usernames import normal_form

LOWEST_STARS, HIGHEST_STARS = 0.5, 5.0
HALF_STARS = [step / 2 for step in range(1, 11)]
MAX_ID = 2**31 - 1
MAX_PAGE = 100
MAX_EXCLUDED = 500
MAX_INLINE_RATINGS = 1000
MAX_QUESTIONS = 20
MAX_UNASKED = 50
MAX_VARIANTS = 4
MAX_KEY_DAYS = 3650
MAX_BULK_ROWS = 10_000
MAX_GENRES = 20

Scope = Literal["read", "rate", "serve", "admin"]
Vote = Literal["like", "dislike", "none"]
HeadName = Literal["ranking", "rating"]
ExperimentKind = Literal["split", "interleaved"]
ExperimentState = Literal["draft", "running", "stopped"]


def _plain_integer(value: Any) -> Any:  # noqa: ANN401 - anything
    """Refuse spellings that `int()` accepts: spaces, underscores, ٣, +3."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,19}", value):
        raise ValueError("must be a plain decimal integer")
    return value


def clean_text(value: str) -> str:
    """Normalize to NFC; refuse control characters and blank text."""
    value = unicodedata.normalize("NFC", value)
    if any(unicodedata.category(c) == "Cc" for c in value):
        raise ValueError("must not contain control characters")
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def _valid_name(value: str) -> str:
    normal_form(value)
    return value


def _half_star(value: float) -> float:
    if value not in HALF_STARS:
        raise ValueError("must be a multiple of 0.5")
    return value


PlainInteger = BeforeValidator(_plain_integer)
UserId = Annotated[int, Path(ge=1, le=MAX_ID), PlainInteger]
MovieId = Annotated[int, Path(ge=1, le=MAX_ID), PlainInteger]
RunId = Annotated[int, Path(ge=1, le=MAX_ID), PlainInteger]
KeyId = Annotated[int, Path(ge=1, le=MAX_ID), PlainInteger]
ExperimentId = Annotated[int, Path(ge=1, le=MAX_ID), PlainInteger]
SessionId = Annotated[int, Path(ge=1, le=MAX_ID), PlainInteger]
ModelId = Annotated[int, Path(ge=1, le=MAX_ID), PlainInteger]
ProposalId = Annotated[int, Path(ge=1, le=MAX_ID), PlainInteger]
ExpectationId = Annotated[int, Path(ge=1, le=MAX_ID), PlainInteger]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE), PlainInteger]
PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE), PlainInteger]
CursorText = Annotated[
    str, Field(max_length=2000, description="`next_cursor` of the page before")
]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next_cursor` of the page before"),
]
Year = Annotated[int, Field(ge=1800, le=2200), PlainInteger]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=100,
        pattern="^[!-~]+$",
        description="a repeated request with its key gets the same reply, for a day",
    ),
]
Genre = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(clean_text)]
Stars = Annotated[
    float,
    Field(
        ge=LOWEST_STARS,
        le=HIGHEST_STARS,
        allow_inf_nan=False,
        json_schema_extra={"multipleOf": 0.5},
    ),
    AfterValidator(_half_star),
]
Name = Annotated[str, Field(max_length=100), AfterValidator(clean_text)]
Probability = Annotated[float, Field(ge=0.001, le=0.999, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Effect = Annotated[float, Field(ge=1e-6, le=100, allow_inf_nan=False)]
BodyId = Annotated[int, Field(ge=1, le=MAX_ID), PlainInteger]
MovieIds = Annotated[
    list[BodyId],
    Field(max_length=MAX_PAGE, description="only these movie ids, repeatable"),
]
RatedAt = Annotated[
    AwareDatetime,
    Field(ge=datetime(1900, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC)),
]
Username = Annotated[
    str,
    Field(min_length=3, max_length=40),
    AfterValidator(clean_text),
]
NewUsername = Annotated[Username, AfterValidator(_valid_name)]
Password = Annotated[str, Field(min_length=8, max_length=128)]


class Body(BaseModel):
    """A request body: no coercion, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Out(BaseModel):
    """A response body, read from rows and dataclasses."""

    model_config = ConfigDict(from_attributes=True)


class FieldErrorOut(Out):
    """One invalid field: its path, a stable code, a message."""

    field: list[str | int]
    code: str
    message: str


class ProblemOut(Out):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str | None
    request_id: str
    errors: list[FieldErrorOut] | None = None
