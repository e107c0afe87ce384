"""The table that `cinefold evaluate` prints."""

from typing import TYPE_CHECKING

from rich.table import Column
from rich.table import Table as RichTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.evaluation import Estimate, Row


def comparison(rows: "Sequence[Row]", *, n_splits: int) -> RichTable:
    """Lay the measured rows out, each estimate with its 95 % interval."""
    table = RichTable(
        Column("", no_wrap=True),
        *("RMSE", "MAE", "NDCG@10", "recall@10", "coverage"),
        title=f"10 % of each user's ratings held out, {n_splits} splits",
        caption="relevant: 4 stars or more; ranked: the full catalogue, seen removed",
    )
    for row in rows:
        estimates = (row.rmse, row.mae, row.ndcg, row.recall)
        table.add_row(row.name, *map(interval, estimates), f"{row.coverage:.3f}")
    return table


def interval(estimate: "Estimate | None") -> str:
    """Write an estimate with half its interval; a dash where there is none."""
    if estimate is None:
        return "-"
    return f"{estimate.value:.4f} ±{(estimate.high - estimate.low) / 2:.3f}"
