"""Bodies of experiments and their results."""

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
    """A model and the parameters of its lists, for a share of the users.

    Both numbers mean the same as in `GET /recommendations/{user_id}`.
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

    `minimum_effect` is the smallest difference worth finding, in the metric's unit:
    likes per vote, likes per user, or net likes per user.

    In a `split` experiment each user sees one variant. In an `interleaved` one each
    list is drawn from two variants of one model, which differ in the parameters of
    lists; both weights are 0.5, and the metric must compare within a user, so a share
    of likes is not accepted.
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
    """Changes to a draft; missing and null fields stay as they are."""

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
    """An experiment; its salts and algorithm version determine who sees which variant.

    The ETag is the version, in quotes.
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
    """The counts of a variant; a share is null while its denominator is 0."""

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
    """The paper's test, and the same test corrected for votes that cluster by user.

    A test is null if it cannot be computed: nobody voted, all votes are equal, or, for
    Yates' correction, there are more than two variants.
    """

    pearson: ChiSquareOut | None
    yates: ChiSquareOut | None
    rao_scott: ChiSquareOut | None


class FixedOut(Out):
    """A difference and its interval, valid for one look that was planned in advance."""

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float


class AnytimeOut(Out):
    """An interval and a p-value that stay valid however often one looks."""

    low: float
    high: float
    p_value: float


class ComparisonOut(Out):
    """A treatment and the control; `p_value` is adjusted for several treatments."""

    variant: str
    fixed: FixedOut
    anytime: AnytimeOut
    p_value: float
    more_users: int


class VerdictOut(Out):
    """The outcome as one word and as a sentence."""

    kind: VerdictKind
    text: str


class DayOut(Out):
    """A variant's counts on one day (UTC)."""

    day: date
    variant: str
    n_users: int
    n_likes: int
    n_dislikes: int


class PreferenceOut(Out):
    """The number of users who credited the treatment more, less, or as much.

    All exposed users are counted; users who never voted are ties.
    """

    n_wins: int
    n_losses: int
    n_ties: int


class LookOut(Out):
    """A treatment's difference from the control at the end of one day (UTC).

    It uses the votes that stand now; the interval stays valid however often one looks.
    """

    day: date
    variant: str
    value: float
    low: float
    high: float


class Results(Out):
    """All results of an experiment so far.

    `timeline` has the counts of each day, and `looks` the comparisons at the end of at
    most 100 days, always with the last one and without days that had too few users.

    In an interleaved experiment every user counts in both variants, with the votes on
    the movies that each contributed. So there is a `preference`, but no sample-ratio
    test, and no test that treats the users of the variants as different people.
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
    """The expected votes of users, for a service without votes to learn from."""

    like_share: Probability
    votes_per_user: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)]
    design_effect: Annotated[float, Field(ge=0.1, le=1000, allow_inf_nan=False)] = 1.0


class PowerIn(Body):
    """A plan whose cost in users is asked for.

    Without `assumed`, the votes stored so far show how users vote. For an interleaved
    experiment the number of users is an upper bound, and neither weights nor the design
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
    """The number of users the plan needs in all variants, and its assumptions."""

    n_users_one_look: int
    n_users_any_time: int
    deviation: float
    n_users_observed: int
    like_share: float
    votes_per_user: float
    design_effect: float


class SimulationIn(Body):
    """Experiments to simulate, with two variants and an effect that may be 0.

    Sizes are bounded so that the reply takes a second or two; `cinefold simulate-ab`
    has no bounds.
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
    """How often an estimator found a difference, and the coverage of its interval."""

    name: str
    rejected: float
    covered: float | None


class SimulationOut(Out):
    """Error rates of every estimator; `power` is what planning expects of one look.

    With an effect of 0, every difference found is a false alarm.
    """

    power: float
    one_look: list[RateOut]
    daily_looks: list[RateOut]
