"""Request and response bodies: strict, bounded, unknown fields forbidden."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, get_origin, get_type_hints

from fastapi import Header, Path, Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from engine.experiments import Metric
from engine.model import Configuration, Learned
from engine.verdicts import Kind as VerdictKind

MAX_ID = 2**31 - 1
MAX_PAGE = 100
MAX_EXCLUDED = 500
MAX_INLINE_RATINGS = 1000
MAX_VARIANTS = 4
MAX_KEY_DAYS = 3650
MAX_BULK_ROWS = 10_000
MAX_GENRES = 20

Scope = Literal["read", "rate", "serve", "admin"]
Vote = Literal["like", "dislike", "none"]
HeadName = Literal["ranking", "rating"]
ExperimentState = Literal["draft", "running", "stopped"]


def _plain_integer(value: Any) -> Any:  # noqa: ANN401 - anything
    """Refuse what `int()` would be generous about: spaces, underscores, ٣, +3."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,19}", value):
        raise ValueError("must be a plain decimal integer")
    return value


def clean_text(value: str) -> str:
    """Normalise to NFC; refuse what PostgreSQL or a reader cannot hold."""
    value = unicodedata.normalize("NFC", value)
    if any(unicodedata.category(c) == "Cc" for c in value):
        raise ValueError("must not contain control characters")
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def _username(value: str) -> str:
    if any(unicodedata.category(c) in {"Cf", "Zl", "Zp"} for c in value):
        raise ValueError("must not contain invisible characters")
    if value != value.strip():
        raise ValueError("must not start or end with a space")
    return value


def _half_star(value: float) -> float:
    if value * 2 != int(value * 2):
        raise ValueError("must be a multiple of 0.5")
    return value


PlainInteger = BeforeValidator(_plain_integer)
UserId = Annotated[int, PlainInteger, Path(ge=1, le=MAX_ID)]
MovieId = Annotated[int, PlainInteger, Path(ge=1, le=MAX_ID)]
RunId = Annotated[int, PlainInteger, Path(ge=1, le=MAX_ID)]
KeyId = Annotated[int, PlainInteger, Path(ge=1, le=MAX_ID)]
ExperimentId = Annotated[int, PlainInteger, Path(ge=1, le=MAX_ID)]
SessionId = Annotated[int, PlainInteger, Path(ge=1, le=MAX_ID)]
ModelId = Annotated[int, PlainInteger, Path(ge=1, le=MAX_ID)]
ProposalId = Annotated[int, PlainInteger, Path(ge=1, le=MAX_ID)]
ExpectationId = Annotated[int, PlainInteger, Path(ge=1, le=MAX_ID)]
Limit = Annotated[int, PlainInteger, Query(ge=1, le=MAX_PAGE)]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next_cursor` of the page before"),
]
Year = Annotated[int, Field(ge=1800, le=2200)]
YearQuery = Annotated[int | None, PlainInteger, Query(ge=1800, le=2200)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=100,
        pattern="^[!-~]+$",
        description="repeating a request with its key repeats its answer, for a day",
    ),
]
Genre = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(clean_text)]
GenreQuery = Annotated[
    str | None, Query(min_length=1, max_length=50), AfterValidator(clean_text)
]
Stars = Annotated[
    float,
    Field(ge=0.5, le=5, allow_inf_nan=False, json_schema_extra={"multipleOf": 0.5}),
    AfterValidator(_half_star),
]
Name = Annotated[str, Field(max_length=100), AfterValidator(clean_text)]
Probability = Annotated[float, Field(ge=0.001, le=0.999, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Effect = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
BodyId = Annotated[int, Field(ge=1, le=MAX_ID)]
RatedAt = Annotated[
    AwareDatetime,
    Field(ge=datetime(1900, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC)),
]
Username = Annotated[
    str,
    Field(min_length=3, max_length=40),
    AfterValidator(clean_text),
    AfterValidator(_username),
]
Password = Annotated[str, Field(min_length=8, max_length=128)]


class Body(BaseModel):
    """A request body: no coercion, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Out(BaseModel):
    """A response body, read from rows and dataclasses."""

    model_config = ConfigDict(from_attributes=True)


class FieldErrorOut(Out):
    """One invalid field: where it is, a stable code, a sentence."""

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


class Credentials(Body):
    """User name and password; the password is never altered or cut."""

    username: Username
    password: Password


class PasswordChange(Body):
    """The current password proves who asks."""

    current_password: Password
    new_password: Password


class Me(Out):
    """The signed-in user."""

    id: int
    username: str
    is_admin: bool
    must_change_password: bool
    created_at: datetime
    n_ratings: int


class SessionOut(Out):
    """A browser that is signed in; `user_agent` is what it calls itself."""

    id: int
    user_agent: str | None
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


class Sessions(Out):
    """All live sessions of the caller, the last used first."""

    items: list[SessionOut]


class AccountDeletion(Body):
    """The password proves who asks: nothing brings an account back."""

    password: Password


class ApiKeyIn(Body):
    """A key for a program; its scopes are at most what its owner may do."""

    name: Annotated[str, Field(max_length=100), AfterValidator(clean_text)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    expires_in_days: Annotated[int, Field(ge=1, le=MAX_KEY_DAYS)] | None = Field(
        None, description="null: the key works until it is revoked"
    )


class ApiKeyOut(Out):
    """A key without its secret; `prefix` is how it starts, to tell keys apart."""

    id: int
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None


class NewApiKey(ApiKeyOut):
    """The one reply that contains the secret."""

    key: str


class ApiKeys(Out):
    """All keys of the caller."""

    items: list[ApiKeyOut]


class MovieOut(Out):
    """A movie and what its ratings add up to."""

    id: int
    title: str
    year: int | None
    genres: list[str]
    n_ratings: int
    mean_rating: float | None


class MoviePage(Out):
    """One page of movies."""

    items: list[MovieOut]
    next_cursor: str | None


class HistogramBin(Out):
    """How many ratings have this value."""

    value: float
    count: int


class MovieDetail(MovieOut):
    """A movie with the distribution of its ratings."""

    histogram: list[HistogramBin]
    imdb_id: int | None
    tmdb_id: int | None


class GenreOut(Out):
    """A genre and the number of its movies."""

    name: str
    n_movies: int


class Genres(Out):
    """All genres, by name."""

    items: list[GenreOut]


class RatingIn(Body):
    """A rating in stars, 0.5 to 5 in halves."""

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


class ExportedRating(Out):
    """A stored rating with the name of its movie."""

    movie_id: int
    title: str
    year: int | None
    value: float
    rated_at: datetime


class AccountExport(Out):
    """Everything stored about the caller, but secrets and what a day forgets."""

    exported_at: datetime
    user: Me
    sessions: list[SessionOut]
    api_keys: list[ApiKeyOut]
    ratings: list[ExportedRating]


class ImportedRow(Out):
    """What became of one row of a file.

    `rating` is as the file has it, `value` that in half stars, `previous` what was
    stored before. `unmatched`: no such movie here; `ambiguous`: more than one movie for
    the row, or another row fits its movie as well; `unrated`: the row has no rating.
    """

    line: int
    status: Literal[
        "added", "replaced", "unchanged", "unmatched", "ambiguous", "not_a_movie",
        "unrated",
    ]  # fmt: skip
    title: str | None
    year: int | None
    rating: str
    value: float | None
    is_rounded: bool
    movie_id: int | None
    movie_title: str | None
    previous: float | None


class ImportReport(Out):
    """What an import did or, as a dry run, would do; every row of the file is told.

    Ratings on a scale of 10 or 100 become the nearest half star, from the middle
    upwards and never below half a star; `is_rounded` says where that changed one.
    """

    format: Literal["movielens", "letterboxd", "imdb", "trakt", "csv"]
    scale: Literal[5, 10, 100]
    is_dry_run: bool
    n_added: int
    n_replaced: int
    n_unchanged: int
    n_skipped: int
    rows: list[ImportedRow]


class BulkRating(Body):
    """A rating of any user; without `rated_at` it is of now, or keeps its time."""

    user_id: BodyId
    movie_id: BodyId
    value: Stars
    rated_at: RatedAt | None = None


class BulkMovie(Body):
    """A movie as it is to be stored; what is left out is unknown."""

    id: BodyId
    title: Annotated[str, Field(max_length=300), AfterValidator(clean_text)]
    year: Year | None = None
    genres: Annotated[list[Genre], Field(max_length=MAX_GENRES)] = []
    imdb_id: BodyId | None = None
    tmdb_id: BodyId | None = None


class BulkUser(Body):
    """A user without credentials."""

    id: BodyId


class BulkRow(Out):
    """What became of one line; `errors` says why it was refused."""

    line: int
    status: Literal["added", "replaced", "unchanged", "refused"]
    errors: list[FieldErrorOut]


class BulkReport(Out):
    """What a bulk request did: all rows that are not refused are stored."""

    n_added: int
    n_replaced: int
    n_unchanged: int
    n_refused: int
    rows: list[BulkRow]


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


class InlineRatings(Body):
    """Ratings of somebody who need not exist in the database, and filters."""

    ratings: Annotated[list[InlineRating], Field(max_length=MAX_INLINE_RATINGS)]
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 20
    genre: Genre | None = None
    year_from: Year | None = None
    year_to: Year | None = None
    exclude: Annotated[list[BodyId], Field(max_length=MAX_EXCLUDED)] = []


class Personalization(Out):
    """How much of the list is the user's own taste.

    `none`: no rating the model knows; `partial`: fewer than ten; `full`: ten or more.
    """

    level: Literal["none", "partial", "full"]
    n_ratings: int
    n_ratings_used: int


class Reason(Out):
    """One of the user's ratings and its exact share of a score."""

    movie_id: int
    title: str
    year: int | None
    value: float
    share: float


class Recommendation(Out):
    """A movie, why it stands here, and how many stars to expect."""

    movie: MovieOut
    rank: int
    score: float | None
    predicted_rating: float | None
    uncertainty: float | None
    reasons: list[Reason]


class ExperimentReference(Out):
    """The experiment that decided a list, and the variant its user sees."""

    id: int
    variant: str


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


class Contributions(Out):
    """The parts of a predicted rating before any of the user's ratings, in stars."""

    global_mean: float
    movie_bias: float
    ratings: float


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


class HiddenMovies(Out):
    """Movies a user has hidden, the last one first."""

    items: list[MovieOut]


class FeedbackIn(Body):
    """A vote on a movie of a list; `none` takes an earlier vote back."""

    recommendation_id: Annotated[str, Field(min_length=1, max_length=1000)]
    movie_id: BodyId
    vote: Vote


class FeedbackOut(Out):
    """The vote that stands now."""

    movie_id: int
    vote: Vote


class VariantIn(Body):
    """A model and the head that orders its lists, for a share of the users."""

    name: Name
    weight: Share
    model_id: BodyId
    head: HeadName = "ranking"


Variants = Annotated[list[VariantIn], Field(min_length=2, max_length=MAX_VARIANTS)]
Hypothesis = Annotated[str, Field(max_length=2000), AfterValidator(clean_text)]


class ExperimentIn(Body):
    """A plan; the first variant is the control, weights sum to 1.

    `minimum_effect` is the smallest difference worth finding: likes in a vote, likes a
    user or net likes a user, as the metric says.
    """

    name: Name
    hypothesis: Hypothesis
    variants: Variants
    traffic_share: Share = 1.0
    metric: Metric = "likes_per_user"
    minimum_effect: Effect
    alpha: Probability = 0.05
    power: Probability = 0.8


class ExperimentPatch(Body):
    """What to change of a draft; what is left out or null stays."""

    name: Name | None = None
    hypothesis: Hypothesis | None = None
    variants: Variants | None = None
    traffic_share: Share | None = None
    metric: Metric | None = None
    minimum_effect: Effect | None = None
    alpha: Probability | None = None
    power: Probability | None = None


class VariantOut(Out):
    """A variant as planned."""

    name: str
    weight: float
    model_id: int
    head: HeadName


class ExperimentOut(Out):
    """An experiment; its salts and algorithm version say who sees what."""

    id: int
    name: str
    hypothesis: str
    state: ExperimentState
    version: int
    metric: Metric
    minimum_effect: float
    alpha: float
    power: float
    traffic_share: float
    algorithm_version: int
    traffic_salt: str
    variant_salt: str
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    variants: list[VariantOut]


class Experiments(Out):
    """The latest experiments, newest first."""

    items: list[ExperimentOut]


class AssignmentOut(Out):
    """The variant a user sees; null if they do not take part."""

    experiment_id: int
    user_id: int
    variant: str | None


class VariantResult(Out):
    """What a variant's users did; shares are null before there is anything to share."""

    name: str
    n_users: int
    n_likes: int
    n_dislikes: int
    like_share: float | None
    net_likes_per_user: float | None
    design_effect: float | None


class ChiSquareOut(Out):
    """A test of whether all variants have the same share of likes."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


class ChiSquares(Out):
    """The paper's test, and the same corrected for users who vote alike.

    Null where it cannot be computed: nobody voted, all voted alike, or, for Yates'
    correction, there are more than two variants.
    """

    pearson: ChiSquareOut | None
    yates: ChiSquareOut | None
    rao_scott: ChiSquareOut | None


class FixedOut(Out):
    """A difference and its interval, valid for one look planned beforehand."""

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float


class AnytimeOut(Out):
    """An interval that is valid however often one looks; its p-value likewise."""

    low: float
    high: float
    p_value: float


class ComparisonOut(Out):
    """A treatment beside the control; `p_value` is adjusted for several treatments."""

    variant: str
    fixed: FixedOut
    anytime: AnytimeOut
    p_value: float
    more_users: int


class VerdictOut(Out):
    """The outcome in one word and in plain words."""

    kind: VerdictKind
    text: str


class DayOut(Out):
    """What happened to a variant on one day (UTC)."""

    day: date
    variant: str
    n_users: int
    n_likes: int
    n_dislikes: int


class Results(Out):
    """Everything an experiment says so far."""

    experiment_id: int
    state: ExperimentState
    metric: Metric
    alpha: float
    sample_ratio_p_value: float | None
    is_adjusted_for_past: bool
    variants: list[VariantResult]
    chi_square: ChiSquares
    comparisons: list[ComparisonOut]
    verdict: VerdictOut
    timeline: list[DayOut]


class Assumed(Body):
    """How users are expected to vote, where there are no votes to learn it from."""

    like_share: Probability
    votes_per_user: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)]
    design_effect: Annotated[float, Field(ge=0.1, le=1000, allow_inf_nan=False)] = 1.0


class PowerIn(Body):
    """A plan to cost. Without `assumed`, the service's own votes say how users vote."""

    metric: Metric = "likes_per_user"
    minimum_effect: Effect
    alpha: Probability = 0.05
    power: Probability = 0.8
    control_weight: Probability = 0.5
    treatment_weight: Probability = 0.5
    assumed: Assumed | None = None


class PowerOut(Out):
    """How many users the plan needs in all variants, and what it rests on."""

    n_users_one_look: int
    n_users_any_time: int
    deviation: float
    n_users_observed: int
    like_share: float
    votes_per_user: float
    design_effect: float


class SimulationIn(Body):
    """Experiments to simulate: two variants whose users vote like one another or not.

    Bounded so that the answer comes within a second or two; `cinefold simulate-ab` has
    no bounds.
    """

    n_users: Annotated[int, Field(ge=50, le=300)] = 100
    n_experiments: Annotated[int, Field(ge=1, le=1000)] = 1000
    n_days: Annotated[int, Field(ge=1, le=60)] = 30
    like_share: Probability = 0.6
    effect: Annotated[float, Field(ge=0, le=0.999, allow_inf_nan=False)] = 0.0
    correlation: Probability = 0.1
    votes_per_user: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = 10.0
    alpha: Probability = 0.05
    seed: Annotated[int, Field(ge=0, le=MAX_ID)] = 0


class RateOut(Out):
    """How often an estimator found a difference, and its interval held the true one."""

    name: str
    rejected: float
    covered: float | None


class SimulationOut(Out):
    """Error rates of every estimator; `power` is what planning expects of one look.

    With an effect of 0 what is found is a false alarm.
    """

    power: float
    one_look: list[RateOut]
    daily_looks: list[RateOut]


# Bounds of hyper-parameters by their names in `engine.model.Configuration`. A parameter
# that is not in here yet has the bounds of its type.
BOUNDS: dict[str, dict[str, float]] = {
    "n_factors": {"ge": 0, "le": 256},
    "n_sweeps": {"ge": 1, "le": 100},
    "n_gradient_steps": {"ge": 1, "le": 50},
    "exponent": {"ge": 0, "le": 2},
    "prior_count": {"ge": 0, "le": 1000},
    "user_weight": {"gt": 0, "le": 10_000},
    "item_weight": {"gt": 0, "le": 10_000},
    "user_bias_weight": {"gt": 0, "le": 10_000},
    "item_bias_weight": {"gt": 0, "le": 10_000},
    "unobserved_weight": {"ge": 0, "lt": 1},
    "unobserved_target": {"ge": 0, "le": 5},
}
BOUNDS_OF_TYPE: dict[Any, dict[str, float]] = {
    int: {"ge": 0, "le": 1000},
    float: {"ge": 0, "le": 10_000},
}


def _parameters_of(*configurations: type) -> dict[str, Any]:
    """Turn the fields of configurations into optional fields of a request."""
    types: dict[str, Any] = {}
    for configuration in configurations:
        types |= get_type_hints(configuration)
    fields: dict[str, Any] = {}
    for name, kind in types.items():
        if kind in {int, float, bool} or get_origin(kind) is Literal:
            bounds: Any = BOUNDS.get(name, BOUNDS_OF_TYPE.get(kind, {}))
            fields[name] = kind | None, Field(None, **bounds)
    return fields


RatingParameters: type[Body] = create_model(
    "RatingParameters",
    __base__=Body,
    __doc__="Of the rating head; what is left out takes the preset's value.",
    **_parameters_of(Learned, Configuration),
)
RankingParameters: type[Body] = create_model(
    "RankingParameters",
    __base__=Body,
    __doc__="Of the ranking head; what is left out takes the engine's value.",
    **_parameters_of(Configuration),
)
MAX_SEED = 2**31 - 1
PAPER_PARAMETERS = frozenset({"n_factors", "n_sweeps"})
# What can be set of each preset of the rating head.
PRESETS: dict[str, frozenset[str]] = {
    "default": frozenset(get_type_hints(Learned)),
    "plain": frozenset(get_type_hints(Configuration)),
    **dict.fromkeys(("bias", "latent", "features"), PAPER_PARAMETERS),
}


class TrainingRunIn(Body):
    """What to train, on what to measure it, and whether to let it serve.

    `preset` is of the rating head: `default` learns its weights from the ratings, and
    takes `n_factors`, `n_sweeps` and `rated_sets`; `plain` has weights that can be
    set; the others are the source paper's models, which take `n_factors` and
    `n_sweeps`. `test_share` of every
    user's ratings is held out to measure on; the published model is then trained on
    all ratings. `evaluate`: `auto` leaves that out above two million ratings.
    """

    preset: Literal["default", "plain", "bias", "latent", "features"] = "default"
    rating: RatingParameters = Field(default_factory=RatingParameters)
    ranking: RankingParameters = Field(default_factory=RankingParameters)
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    test_share: Annotated[float, Field(ge=0.01, le=0.5)] = 0.1
    evaluate: Literal["auto", "always", "never"] = "auto"
    activate: bool = True

    @model_validator(mode="after")
    def _fits_preset(self) -> "TrainingRunIn":
        given = self.rating.model_dump(exclude_none=True)
        if not given.keys() <= PRESETS[self.preset]:
            known = ", ".join(sorted(PRESETS[self.preset]))
            raise ValueError(f"the preset {self.preset} takes {known} only")
        if self.preset == "bias" and given.get("n_factors", 0) != 0:
            raise ValueError("the model of biases has no factors")
        if self.preset in {"default", "features"} and given.get("n_factors") == 0:
            raise ValueError(f"the preset {self.preset} needs factors")
        return self


class EstimateOut(Out):
    """A mean over users' ratings or lists with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n_users: int
    n_excluded: int


class MethodMetrics(Out):
    """One method on the held-out ratings; null where it predicts no stars."""

    name: str
    rmse: EstimateOut | None
    mae: EstimateOut | None
    ndcg: EstimateOut | None
    recall: EstimateOut | None
    coverage: float


class TrainingRunOut(Out):
    """A training run and how far it is.

    `progress` is the share of the work of all sweeps, `metrics` what has been measured
    on held-out ratings so far.
    """

    id: int
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    stage: str | None
    error: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    model_id: int | None
    reason: Literal["request", "schedule", "ratings"]
    parameters: dict[str, Any]
    progress: float
    eta_seconds: float | None
    metrics: list[MethodMetrics]


class TrainingSweepOut(Out):
    """One pass over all users and items.

    Of the fit that is measured (`evaluation`) or of the one on all ratings that is
    published; `test_rmse` where the fit looks at the held-out ratings as it goes.
    """

    fit: Literal["evaluation", "publication"]
    head: Literal["rating", "ranking"]
    sweep: int
    n_sweeps: int
    rmse: float
    test_rmse: float | None
    loss: float
    seconds: float


class TrainingRunDetail(TrainingRunOut):
    """A run with its sweeps so far."""

    sweeps: list[TrainingSweepOut]


class TrainingRuns(Out):
    """The latest runs, newest first."""

    items: list[TrainingRunOut]


class ModelSummary(Out):
    """A model of the registry; `refusal` says why publishing did not activate it."""

    id: int
    created_at: datetime
    kind: Literal["trained", "imported"]
    is_active: bool
    last_active_at: datetime | None
    refusal: str | None
    run_id: int | None
    n_items: int
    n_users: int
    n_ratings: int
    rmse: EstimateOut | None
    ndcg: EstimateOut | None


class ModelPage(Out):
    """One page of models, newest first."""

    items: list[ModelSummary]
    next_cursor: str | None


class Evaluation(Out):
    """How a fit on the other part of the data did on the ratings held out.

    The published model itself was trained on all ratings with the same parameters.
    `fold_in_parity`: the largest difference between users folded in and as trained.
    """

    test_share: float
    n_train: int
    n_test: int
    fold_in_parity: float | None
    methods: list[MethodMetrics]


class ModelCard(ModelSummary):
    """All that is known of a model; null where it was not recorded.

    `data_cutoff` is the moment at which the ratings were read, `n_changes_since` the
    ratings given, changed or taken back after it.
    """

    data_cutoff: datetime | None
    n_changes_since: int | None
    seed: int | None
    preset: str | None
    code_version: str | None
    source: str | None
    wall_seconds: float | None
    peak_bytes: int | None
    n_bytes: int
    parameters: dict[Literal["rating", "ranking"], dict[str, Any]]
    evaluation: Evaluation | None


class ParameterDifference(Out):
    """A parameter that two models do not share."""

    head: Literal["rating", "ranking"]
    name: str
    first: Any
    second: Any


class ModelComparison(Out):
    """Two models side by side, and the parameters in which they differ."""

    first: ModelCard
    second: ModelCard
    differences: list[ParameterDifference]


class ActiveModel(Out):
    """The model that serves, and how much it does not know yet."""

    model: ModelReference | None
    data_cutoff: datetime | None
    n_changes_since: int | None


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


class Elicitation(Out):
    """Movies to ask about next, the most telling first."""

    model: ModelReference | None
    personalization: Personalization
    items: list[MovieOut]


class ModuleText(Out):
    """One module of the training code."""

    path: str
    text: str


class ModelSource(Out):
    """The code that trained a model; `sha256` is of all modules together."""

    sha256: str
    modules: list[ModuleText]


def _module_text(value: str) -> str:
    """Refuse what no module may contain, and what PostgreSQL cannot hold."""
    allowed = {"\n", "\t", "\f", "\r"}
    if any(unicodedata.category(c) == "Cc" and c not in allowed for c in value):
        raise ValueError("must not contain control characters")
    if value.count("\n") > MAX_MODULE_LINES:
        raise ValueError(f"must not have more than {MAX_MODULE_LINES} lines")
    return value


MAX_MODULE_LINES = 5000
ProposalStatus = Literal["open", "accepted", "declined"]
Decision = Literal["accepted", "declined"]
Remark = Annotated[
    str, Field(min_length=1, max_length=5000), AfterValidator(_module_text)
]


class CodeProposalIn(Body):
    """An edited module of the code that trained a model, and why."""

    model_id: BodyId
    path: Annotated[str, Field(min_length=1, max_length=100)]
    text: Annotated[str, Field(max_length=200_000), AfterValidator(_module_text)]
    comment: Remark


class CodeCommentIn(Body):
    """A remark on a proposal."""

    text: Remark


class DecisionIn(Body):
    """Whether a proposal is taken up."""

    status: Decision


class CodeProposalOut(Out):
    """A proposed edit; `author` is null once their account is gone."""

    id: int
    author: str | None
    source: str
    path: str
    comment: str
    status: ProposalStatus
    created_at: datetime
    decided_at: datetime | None


class CodeCommentOut(Out):
    """A remark."""

    author: str | None
    text: str
    created_at: datetime


class CodeProposalDetail(CodeProposalOut):
    """A proposed edit with its unified diff and its discussion."""

    diff: str
    comments: list[CodeCommentOut]


class CodeProposalPage(Out):
    """One page of proposals, newest first."""

    items: list[CodeProposalOut]
    next_cursor: str | None


class Live(Out):
    """The process answers."""

    status: Literal["live"]


class Ready(Out):
    """The service can do its work; `degraded`: without a model, by popularity."""

    status: Literal["ready"]
    degraded: bool
    model: ModelReference | None
