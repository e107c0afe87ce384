"""Bodies of ratings, single and in files."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.account import ApiKeyOut, Me, SessionOut
from api.schemas.base import Body, Out, Stars
from api.schemas.movies import MovieOut
from api.schemas.proposals import ProposalStatus

FileFormat = Literal["movielens", "letterboxd", "imdb", "trakt", "csv"]
FileScale = Literal[5, 10, 100]


class RatingIn(Body):
    """A rating of 0.5 to 5 stars, in half stars."""

    value: Stars


class RatingOut(Out):
    """A stored rating."""

    movie_id: int
    value: float
    rated_at: datetime


class RatedMovie(Out):
    """A stored rating with its movie."""

    movie: MovieOut
    value: float
    rated_at: datetime


class RatingPage(Out):
    """One page of a user's ratings, newest first."""

    items: list[RatedMovie]
    next_cursor: str | None


class ImportOut(Out):
    """An imported file of ratings; `username` is null for users without an account."""

    id: int
    user_id: int
    username: str | None
    format: FileFormat
    scale: FileScale
    n_added: int
    n_replaced: int
    n_unchanged: int
    n_skipped: int
    imported_at: datetime


class ImportPage(Out):
    """One page of imports, newest first."""

    items: list[ImportOut]
    next_cursor: str | None


class ExportedMovie(Out):
    """The movie of an exported row."""

    movie_id: int
    title: str
    year: int | None


class ExportedRating(ExportedMovie):
    """A stored rating with its movie."""

    value: float
    rated_at: datetime


class ExportedOpinion(ExportedMovie):
    """The last vote on a movie; lists and models use it if there is no rating."""

    vote: Literal["like", "dislike"]
    voted_at: datetime


class ExportedVote(ExportedOpinion):
    """The last vote on a movie in one variant of an experiment, or outside of all."""

    experiment_id: int | None
    variant: str | None


class ExportedHiding(ExportedMovie):
    """A movie kept out of lists."""

    hidden_at: datetime


class ExportedExposure(Out):
    """The variant of an experiment that made the user's lists, and since when.

    `variant` is null if two variants made them.
    """

    experiment_id: int
    variant: str | None
    exposed_at: datetime


class ExportedProposal(Out):
    """A proposed edit of the training code, as a unified diff."""

    id: int
    source: str
    path: str
    comment: str
    diff: str
    status: ProposalStatus
    created_at: datetime
    decided_at: datetime | None


class ExportedRemark(Out):
    """A remark on a proposed edit."""

    proposal_id: int
    text: str
    created_at: datetime


class AccountExport(Out):
    """Everything stored about the caller, except secrets and data kept for a day."""

    exported_at: datetime
    user: Me
    sessions: list[SessionOut]
    api_keys: list[ApiKeyOut]
    ratings: list[ExportedRating]
    opinions: list[ExportedOpinion]
    votes: list[ExportedVote]
    hidden_movies: list[ExportedHiding]
    exposures: list[ExportedExposure]
    imports: list[ImportOut]
    code_proposals: list[ExportedProposal]
    code_comments: list[ExportedRemark]


class ImportOptions(BaseModel):
    """How to import a file."""

    scale: Literal["5", "10", "100"] | None = Field(
        None, description="the highest possible rating; default: by format and content"
    )
    dry_run: bool = Field(default=False, description="report, and store nothing")
    strict: bool = Field(
        default=False,
        description="refuse the whole file for a row that cannot be read",
    )


class ImportedRow(Out):
    """The result of one row of a file.

    `rating` is the text of the file, `value` the same in half stars, `previous` the
    rating stored before. `unmatched`: no such movie; `ambiguous`: several movies fit
    the row, or another row fits its movie better; `earlier`: a later row rates the same
    movie, and counts; `unrated`: the row has no rating; `unreadable`: `problem` says
    why. Only an import of a whole file that is `strict` refuses such rows.
    """

    line: int
    status: Literal[
        "added", "replaced", "unchanged", "unmatched", "ambiguous", "not_a_movie",
        "unrated", "earlier", "unreadable",
    ]  # fmt: skip
    title: str | None
    year: int | None
    rating: str
    value: float | None
    is_rounded: bool
    movie_id: int | None
    movie_title: str | None
    previous: float | None
    problem: str | None


class ImportReport(Out):
    """The result of an import or of a dry run, for every row of the file.

    Ratings on a scale of 10 or 100 become the nearest half star, the upper one of two,
    and at least half a star; `is_rounded` marks those that changed.
    """

    format: FileFormat
    scale: FileScale
    is_dry_run: bool
    n_added: int
    n_replaced: int
    n_unchanged: int
    n_skipped: int
    rows: list[ImportedRow]
