"""The design of an experiment: who sees which variants, and how to judge the votes.

A service asks the `Design` and never needs to know which one it is. `Split` is here;
`interleaving.Interleaved` is the other one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from engine.arrays import ExactVector
from engine.checks import check_weights
from engine.errors import DataError
from engine.experiments.assignment import Allocation
from engine.experiments.contingency import (
    ChiSquares,
    VariantTotals,
    chi_square_tests,
    variant_totals,
)
from engine.experiments.planning import (
    Pair,
    Plan,
    PlanError,
    VotingPattern,
    required_users,
    share_deviation,
)
from engine.experiments.replay import MAX_LOOKS, History, Look, days_to_replay
from engine.experiments.sequential import confidence_sequence
from engine.experiments.statistics import (
    Metric,
    Votes,
    apply_cuped,
    difference,
    has_spread,
    holm,
    metric_values,
    sample_ratio_p_value,
)
from engine.experiments.verdicts import (
    MIN_USERS,
    Analysis,
    Comparison,
    Verdict,
    sample_ratio_mismatch,
    verdict_on,
)


class PlannedVariant(Protocol):
    """A variant as planned: its share of users, and what makes its lists."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def weight(self) -> float: ...  # noqa: D102
    @property
    def model_id(self) -> int: ...  # noqa: D102
    @property
    def head(self) -> str: ...  # noqa: D102
    @property
    def diversity(self) -> float: ...  # noqa: D102
    @property
    def exploration(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class Findings:
    """All results of an experiment.

    Attributes
    ----------
    totals : tuple of VariantTotals
        One per variant, the control first.
    chi_squares : ChiSquares
    analysis : Analysis
        By all votes so far.
    looks : tuple of Look
        Day by day, from the first day with a comparison.
    """

    totals: tuple[VariantTotals, ...]
    chi_squares: ChiSquares
    analysis: Analysis
    looks: tuple[Look, ...]


class Design(ABC):
    """The way an experiment shows variants to users, with the analysis that fits it.

    Attributes
    ----------
    metrics : frozenset of str
        The metrics that this design can compare.
    """

    metrics: ClassVar[frozenset[Metric]]

    def check(self, variants: Sequence[PlannedVariant], metric: str) -> None:
        """Raise `PlanError` unless these variants can be compared by this metric."""
        self.check_variants(variants)
        self.check_metric(metric)

    def check_variants(self, variants: Sequence[PlannedVariant]) -> None:
        """Raise `PlanError` unless weights sum to 1 and names differ."""
        try:
            check_weights([variant.weight for variant in variants])
        except DataError as error:
            raise PlanError("variants", "weights", str(error)) from None
        if len({variant.name for variant in variants}) < len(variants):
            message = "Give each variant a name of its own"
            raise PlanError("variants", "names", message)

    def check_metric(self, metric: str) -> None:
        """Raise `PlanError` unless this design can compare the metric."""
        if metric not in self.metrics:
            message = (
                "Choose likes or net likes: a share has no difference within a user"
            )
            raise PlanError("metric", "share", message)

    @abstractmethod
    def assign(self, allocation: Allocation, user_id: int) -> Sequence[int]:
        """List the variants that make a user's lists; none if they take no part."""

    @abstractmethod
    def deviation(self, metric: Metric, voting: VotingPattern) -> float:
        """Compute the standard deviation of a user's value, in the metric's unit."""

    @abstractmethod
    def required_users(self, deviation: float, error: float, weights: Pair, /) -> int:
        """Compute the number of users at which the standard error equals `error`."""

    @abstractmethod
    def judge(
        self, plan: Plan, votes: Sequence[Votes], before: Sequence[Votes] | None, /
    ) -> Analysis:
        """Compare each treatment with the control and give a verdict.

        Parameters
        ----------
        plan : Plan
        votes : sequence of Votes, shapes (n_users,)
            Votes of all exposed users since exposure, one entry per variant.
        before : sequence of Votes or None
            Votes of the same users before exposure: the CUPED covariate.

        Raises
        ------
        DataError
            The votes do not fit the plan.
        """

    @abstractmethod
    def chi_squares(self, votes: Sequence[Votes], /) -> ChiSquares:
        """Apply the chi-square tests that this design permits."""

    def evaluate(self, plan: Plan, histories: Sequence[History]) -> Findings:
        """Analyse an experiment by all its votes, and again for each past day.

        Parameters
        ----------
        plan : Plan
        histories : sequence of History
            One per variant, the control first.

        Raises
        ------
        DataError
            The histories do not fit the plan.
        """
        votes, before = _until(histories)
        return Findings(
            totals=tuple(map(variant_totals, plan.names, votes)),
            chi_squares=self.chi_squares(votes),
            analysis=self.judge(plan, votes, before),
            looks=self.timeline(plan, histories),
        )

    def timeline(
        self, plan: Plan, histories: Sequence[History], *, max_looks: int = MAX_LOOKS
    ) -> tuple[Look, ...]:
        """Repeat the analysis for the end of each day with an exposure or a vote.

        Parameters
        ----------
        plan : Plan
        histories : sequence of History
            One per variant, the control first.
        max_looks : int
            The largest number of days to look at, at least 1.

        Returns
        -------
        tuple of Look
            In order, without days on which it was too early to compare.

        Raises
        ------
        DataError
            `max_looks` is below 1, or the histories do not fit the plan.
        """
        looks = []
        for day in days_to_replay(histories, max_looks=max_looks):
            comparisons = self.judge(plan, *_until(histories, day)).comparisons
            if comparisons:
                looks.append(Look(day, comparisons))
        return tuple(looks)


def _until(histories: Sequence[History], *day: int) -> tuple[list[Votes], list[Votes]]:
    pairs = [history.until(*day) for history in histories]
    return [votes for votes, _ in pairs], [before for _, before in pairs]


class Split(Design):
    """Between subjects: each user sees one variant."""

    metrics = frozenset(("like_share", "likes_per_user", "net_likes_per_user"))

    def assign(self, allocation: Allocation, user_id: int) -> Sequence[int]:
        """Return the user's variant, if they take part."""
        variant = allocation.variant_of(user_id)
        return () if variant is None else (variant,)

    def deviation(self, metric: Metric, voting: VotingPattern) -> float:
        """Estimate it from votes, or from an assumption about the share of likes."""
        if voting.votes is not None:
            return float(metric_values(voting.votes, metric).std(ddof=1))
        if metric != "like_share":
            message = "Only like_share can be planned from an assumption"
            raise PlanError("assumed", "metric", message)
        return share_deviation(
            voting.like_share,
            votes_per_user=voting.votes_per_user,
            design_effect=voting.design_effect,
        )

    def required_users(self, deviation: float, error: float, weights: Pair, /) -> int:
        """As `planning.required_users`, with the same deviation in both variants."""
        return required_users((deviation, deviation), error=error, weights=weights)

    def chi_squares(self, votes: Sequence[Votes], /) -> ChiSquares:
        """Apply every chi-square test."""
        return chi_square_tests(votes)

    def judge(
        self,
        plan: Plan,
        votes: Sequence[Votes],
        before: Sequence[Votes] | None = None,
        /,
    ) -> Analysis:
        """Compare groups of users by Welch's test and a confidence sequence.

        CUPED is skipped if nobody had voted before exposure, or if it would leave no
        variance. A sample-ratio mismatch overrides every other verdict.
        """
        if len(votes) != len(plan.names):
            raise DataError(f"expected the votes of {len(plan.names)} variants")
        n_users = [of_variant.n_users for of_variant in votes]
        if sum(n_users) == 0:
            return Analysis(
                None, (), Verdict("too_early", "nobody has been exposed yet")
            )
        ratio = float(sample_ratio_p_value(np.array(n_users), plan.weights))
        mismatch = sample_ratio_mismatch(plan, n_users, ratio)
        reason = _too_early(plan, votes)
        if reason is not None:
            too_early = Verdict("too_early", f"too early: {reason}")
            return Analysis(ratio, (), mismatch or too_early)
        values = [metric_values(of_variant, plan.metric) for of_variant in votes]
        adjusted = _adjusted(plan, values, before)
        comparisons = _compare(plan, adjusted or values)
        verdict = mismatch or verdict_on(plan, comparisons)
        return Analysis(ratio, comparisons, verdict, is_adjusted=adjusted is not None)


def _too_early(plan: Plan, variants: Sequence[Votes]) -> str | None:
    """Explain why nothing can be estimated yet; None if it can."""
    for name, votes in zip(plan.names, variants, strict=True):
        if votes.n_users < MIN_USERS:
            return f"{name} has {votes.n_users} users, each variant needs {MIN_USERS}"
        if not (votes.likes > 0).any() or not (votes.dislikes > 0).any():
            return f"{name} needs likes as well as dislikes"
        if not has_spread(metric_values(votes, plan.metric)):
            return f"all users of {name} voted alike"
    return None


def _adjusted(
    plan: Plan, values: list[ExactVector], before: Sequence[Votes] | None
) -> list[ExactVector] | None:
    """Apply CUPED; None if earlier votes explain nothing, or everything."""
    if before is None or not all(votes.votes.any() for votes in before):
        return None
    covariates = [metric_values(votes, plan.metric) for votes in before]
    adjusted = apply_cuped(values, covariates)
    return adjusted if all(map(has_spread, adjusted)) else None


def _compare(plan: Plan, values: Sequence[ExactVector]) -> tuple[Comparison, ...]:
    control, *treatments = values
    fixed = [difference(control, each, alpha=plan.alpha) for each in treatments]
    anytime = [
        confidence_sequence(each, planned_error=plan.planned_error, alpha=plan.alpha)
        for each in fixed
    ]
    p_values = holm([float(interval.p_value) for interval in anytime])
    n_users = sum(map(len, values))
    return tuple(
        Comparison(
            variant=plan.names[index],
            fixed=fixed[index - 1],
            anytime=anytime[index - 1],
            p_value=p_values[index - 1],
            more_users=max(_planned_users(plan, values, index) - n_users, 0),
        )
        for index in range(1, len(values))
    )


def _planned_users(plan: Plan, values: Sequence[ExactVector], index: int) -> int:
    """Compute the users at which this treatment's standard error is the planned one."""
    control, treatment = values[0], values[index]
    return required_users(
        (float(control.std(ddof=1)), float(treatment.std(ddof=1))),
        error=plan.planned_error,
        weights=(plan.weights[0], plan.weights[index]),
    )
