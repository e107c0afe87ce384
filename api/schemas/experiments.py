"""Bodies of experiments and what they found."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from api.schemas.base import (
    MAX_ID,
    MAX_VARIANTS,
    Body,
    BodyId,
    Effect,
    ExperimentKind,
    ExperimentState,
    Fraction,
    HeadName,
    Name,
    Out,
    Probability,
    Share,
    clean_text,
)
from engine.experiments.statistics import Metric
from engine.experiments.verdicts import Kind as VerdictKind


class VariantIn(Body):
    """A model and how its lists are made, for a share of the users.

    Diversity and exploration are those of `GET /recommendations/{user_id}`.
    """

    name: Name
    weight: Share
    model_id: BodyId
    head: HeadName = "ranking"
    diversity: Fraction = 0.0
    exploration: Fraction = 0.0


Variants = Annotated[list[VariantIn], Field(min_length=2, max_length=MAX_VARIANTS)]
Hypothesis = Annotated[str, Field(max_length=2000), AfterValidator(clean_text)]


class ExperimentIn(Body):
    """A plan; the first variant is the control, weights sum to 1.

    `minimum_effect` is the smallest difference worth finding: likes in a vote, likes a
    user or net likes a user, as the metric says.

    Of kind `split` each user sees one variant. Of kind `interleaved` each list is drawn
    from both: two variants of one model that differ in how its lists are made, weights
    of 0.5, and a metric that compares within a user, which a share of likes does not.
    """

    name: Name
    hypothesis: Hypothesis
    kind: ExperimentKind = "split"
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
    kind: ExperimentKind | None = None
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
    diversity: float
    exploration: float


class ExperimentOut(Out):
    """An experiment; its salts and algorithm version say who sees what.

    Its ETag is the version, in quotes.
    """

    id: int
    name: str
    hypothesis: str
    kind: ExperimentKind
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


class ExperimentPage(Out):
    """One page of experiments, newest first."""

    items: list[ExperimentOut]
    next_cursor: str | None


class AssignmentOut(Out):
    """The variant a user sees; null if they see both, interleaved, or none."""

    experiment_id: int
    user_id: int
    takes_part: bool
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


class PreferenceOut(Out):
    """How many users gave the treatment more credit than the control, less, or as much.

    Of all users exposed; those who never voted are among the ties.
    """

    n_wins: int
    n_losses: int
    n_ties: int


class LookOut(Out):
    """A treatment's difference from the control at the end of one day (UTC).

    By the votes that stand now; the interval is the one valid however often one looks.
    """

    day: date
    variant: str
    value: float
    low: float
    high: float


class Results(Out):
    """Everything an experiment says so far.

    `timeline` counts what happened on each day, `looks` say what the comparisons were
    at its end: on at most 100 days, the last among them, without those too early.

    Interleaved, every user counts in both variants, with the votes on what each of them
    contributed: there is a `preference`, but no split whose ratio could be broken and
    no test that takes the variants' users for different people.
    """

    experiment_id: int
    kind: ExperimentKind
    state: ExperimentState
    metric: Metric
    alpha: float
    sample_ratio_p_value: float | None
    is_adjusted_for_past: bool
    variants: list[VariantResult]
    chi_square: ChiSquares
    comparisons: list[ComparisonOut]
    preference: PreferenceOut | None
    verdict: VerdictOut
    timeline: list[DayOut]
    looks: list[LookOut]


class Assumed(Body):
    """How users are expected to vote, where there are no votes to learn it from."""

    like_share: Probability
    votes_per_user: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)]
    design_effect: Annotated[float, Field(ge=0.1, le=1000, allow_inf_nan=False)] = 1.0


class PowerIn(Body):
    """A plan to cost. Without `assumed`, the service's own votes say how users vote.

    Interleaved, the users needed are an upper bound, and neither weights nor design
    effect matter: each user is compared with themselves.
    """

    kind: ExperimentKind = "split"
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
