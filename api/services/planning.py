"""The users that an experiment needs, and the error rates of each estimator."""

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
from api.services.experiments import invalid_plan
from api.web.problems import InvalidRequest, field_error
from engine.errors import DataError
from engine.experiments import DESIGNS
from engine.experiments.planning import (
    PlanError,
    VotingPattern,
    fixed_error,
)
from engine.experiments.sequential import anytime_error
from engine.experiments.simulation import Trial, daily_looks, fixed_horizon
from engine.experiments.statistics import Votes

# One at a time: a simulation is pure arithmetic and would keep all processors busy.
_simulating = CapacityLimiter(1)


async def plan(session: AsyncSession, *, body: PowerIn) -> PowerOut:
    """Compute the users a plan needs, from the votes so far or from assumptions."""
    weights = body.control_weight, body.treatment_weight
    if sum(weights) > 1:
        raise _refused("treatment_weight", "weights", "The weights exceed 1 together")
    design = DESIGNS[body.kind]
    try:
        design.check_metric(body.metric)
        voting = await _voting(session, body)
        deviation = design.deviation(body.metric, voting)
    except PlanError as error:
        raise invalid_plan(error) from None
    once, always = (
        design.required_users(
            deviation,
            planned(body.minimum_effect, alpha=body.alpha, power=body.power),
            weights,
        )
        for planned in (fixed_error, anytime_error)
    )
    return PowerOut(
        n_users_one_look=once,
        n_users_any_time=always,
        deviation=deviation,
        n_users_observed=voting.votes.n_users if voting.votes is not None else 0,
        like_share=voting.like_share,
        votes_per_user=voting.votes_per_user,
        design_effect=voting.design_effect,
    )


async def _voting(session: AsyncSession, body: PowerIn) -> VotingPattern:
    """Take the assumed pattern, or estimate it from all votes."""
    if body.assumed is not None:
        return VotingPattern(**body.assumed.model_dump())
    rows = await queries.votes_of_all(session)
    votes = Votes(
        np.array([row.likes for row in rows], dtype=np.float64),
        np.array([row.dislikes for row in rows], dtype=np.float64),
    )
    try:
        return VotingPattern.observed(votes)
    except DataError as error:
        message = f"Say how users vote: {error}"
        raise PlanError("assumed", "no_votes", message) from None


def _refused(field: str, code: str, message: str) -> InvalidRequest:
    return InvalidRequest(
        errors=[field_error("body", field, code=code, message=message)]
    )


async def simulate(body: SimulationIn) -> SimulationOut:
    """Measure every estimator on simulated experiments with known effects."""
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
    except DataError as error:  # an experiment without likes, or without dislikes
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
