"""Metrics beyond the time of requests."""

from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import experiments as experiment_queries
from api.queries import training as training_queries
from api.services.model_store import ServedModel
from api.telemetry.observability import Gauges, exposition
from engine.experiments.statistics import sample_ratio_p_value


async def scrape(session: AsyncSession, served: ServedModel | None) -> bytes:
    """Write all metrics in Prometheus's text format."""
    gauges = Gauges()
    if served is not None:
        age = (datetime.now(UTC) - served.created_at).total_seconds()
        gauges.add("cinefold_model_id", "The live model.", {"": served.id})
        gauges.add("cinefold_model_age_seconds", "Age of the live model.", {"": age})
        gauges.add(
            "cinefold_model_factor_bytes",
            "Size of the item factors of both heads, mapped by all processes.",
            {"": _n_bytes(served)},
        )
    runs = await training_queries.count_by_status(session)
    gauges.add(
        "cinefold_training_runs",
        "Training runs by status.",
        {status: float(n) for status, n in runs.items()},
        label="status",
    )
    gauges.add(
        "cinefold_experiment_sample_ratio_p_value",
        "Chance of the split of users under the planned weights, running experiments.",
        await _sample_ratios(session),
        label="experiment",
    )
    return exposition(gauges)


def _n_bytes(served: ServedModel) -> int:
    heads = served.model.rating, served.model.ranking
    return sum(head.item_factors.nbytes for head in heads)


async def _sample_ratios(session: AsyncSession) -> dict[str, float]:
    rows = await experiment_queries.exposed(session)
    found = {}
    for experiment_id, variants in groupby(rows, attrgetter("experiment_id")):
        shown = [(row.n_users, row.weight) for row in variants]
        n_users, weights = map(list, zip(*shown, strict=True))
        if sum(n_users) > 0:
            p_value = sample_ratio_p_value(np.array(n_users), weights)
            found[str(experiment_id)] = float(p_value)
    return found
