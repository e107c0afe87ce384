"""What experiments would need, and how often each estimator errs."""

from collections.abc import Sequence

import numpy as np
from anyio import CapacityLimiter, to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import experiments as queries
from api.schemas.experiments import (
    PowerIn,
    PowerOut,
    RateOut,
    SimulationIn,
    SimulationOut,
)
from api.services.results import votes_of
from api.storage.database import AnyRow
from api.web.problems import InvalidRequest, field_error
from engine.errors import DataError
from engine.experiments.contingency import design_effect
from engine.experiments.interleaving import credit_deviation, required_pairs
from engine.experiments.planning import (
    anytime_error,
    fixed_error,
    required_users,
    share_deviation,
)
from engine.experiments.simulation import Trial, daily_looks, fixed_horizon
from engine.experiments.statistics import metric_values

# One at a time: it is all arithmetic, and others want the processor as well.
_simulating = CapacityLimiter(1)


async def plan(session: AsyncSession, *, body: PowerIn) -> PowerOut:
    """Say how many users a plan needs, by the votes cast so far or by assumption."""
    weights = body.control_weight, body.treatment_weight
    if sum(weights) > 1:
        raise _refused("treatment_weight", "weights", "Weights must not exceed 1")
    is_split = body.kind == "split"
    if is_split and body.assumed is not None and body.metric != "like_share":
        raise _refused("assumed", "metric", "Assume votes for like_share only")
    if not is_split and body.metric == "like_share":
        raise _refused("metric", "share", "Interleave by likes or net likes a user")
    rows = [] if body.assumed else await queries.votes_of_all(session)
    observed = _observed(body) if body.assumed else _learned(rows, body)
    deviation = observed.pop("deviation")
    if not is_split:
        deviation = credit_deviation(
            body.metric,
            like_share=observed["like_share"],
            votes_per_user=observed["votes_per_user"],
        )
    errors = [
        planned(body.minimum_effect, alpha=body.alpha, power=body.power)
        for planned in (fixed_error, anytime_error)
    ]
    once, always = (
        required_users((deviation, deviation), error=error, weights=weights)
        if is_split
        else required_pairs(deviation, error=error)
        for error in errors
    )
    return PowerOut(
        n_users_one_look=once,
        n_users_any_time=always,
        deviation=deviation,
        n_users_observed=len(rows),
        **observed,
    )


def _observed(body: PowerIn) -> dict[str, float]:
    assert body.assumed is not None  # noqa: S101 - the caller's case
    assumed = body.assumed.model_dump()
    deviation = share_deviation(
        assumed["like_share"],
        votes_per_user=assumed["votes_per_user"],
        design_effect=assumed["design_effect"],
    )
    return assumed | {"deviation": deviation}


def _learned(rows: Sequence[AnyRow], body: PowerIn) -> dict[str, float]:
    """Learn from all votes how users vote."""
    votes = votes_of(rows)
    try:
        effect = float(design_effect(votes))
    except DataError as error:
        raise _refused("assumed", "no_votes", f"Say it: {error}") from None
    return {
        "deviation": float(metric_values(votes, body.metric).std(ddof=1)),
        "like_share": float(votes.likes.sum() / votes.votes.sum()),
        "votes_per_user": float(votes.votes.mean()),
        "design_effect": effect,
    }


def _refused(field: str, code: str, message: str) -> InvalidRequest:
    return InvalidRequest(
        errors=[field_error("body", field, code=code, message=message)]
    )


async def simulate(body: SimulationIn) -> SimulationOut:
    """Measure every estimator on experiments with known truth."""
    try:
        trial = Trial(
            n_users=body.n_users,
            like_share=body.like_share,
            effect=body.effect,
            correlation=body.correlation,
            votes_per_user=body.votes_per_user,
            alpha=body.alpha,
        )
    except DataError as error:
        raise _refused("effect", "too_large", str(error)) from None
    try:
        return await to_thread.run_sync(_simulated, trial, body, limiter=_simulating)
    except DataError as error:  # an experiment without a single like, or dislike
        raise _refused("like_share", "too_extreme", str(error)) from None


def _simulated(trial: Trial, body: SimulationIn) -> SimulationOut:
    once = fixed_horizon(
        trial,
        n_experiments=body.n_experiments,
        rng=np.random.default_rng(body.seed),
    )
    daily = daily_looks(
        trial,
        n_days=body.n_days,
        n_experiments=body.n_experiments,
        rng=np.random.default_rng(body.seed),
    )
    return SimulationOut(
        power=trial.power,
        one_look=[RateOut.model_validate(rate) for rate in once],
        daily_looks=[RateOut.model_validate(rate) for rate in daily],
    )
