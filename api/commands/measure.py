"""The commands that measure: evaluate, tune, reproduce, simulate-ab."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer
from rich.box import MARKDOWN
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.table import Table as RichTable

from api.queries.snapshot import read_snapshot
from api.schemas.training import MAX_SEED, TrainingRunIn
from api.services.loading import SAMPLE
from api.settings import Settings
from api.storage.embedded_postgres import reach_database
from engine.data.movielens import MovieLens, words_of
from engine.experiments.contingency import pearson_chi_square, yates_chi_square
from engine.experiments.simulation import Rate, Trial, daily_looks, fixed_horizon

if TYPE_CHECKING:
    from engine.data.features import FeatureMatrix
    from engine.data.ratings import Ratings
    from engine.evaluation.compare import Estimate, Row, Step
    from reproduction.progress import Step as ReportStep

REPORT = Path("report")
console = Console(stderr=True)
app = typer.Typer()


@app.command()
def evaluate(
    path: Annotated[Path, typer.Argument(help="a MovieLens folder or zip")] = SAMPLE,
    seeds: Annotated[int, typer.Option(min=1, help="number of random splits")] = 5,
) -> None:
    """Measure both heads, popularity and item means on held-out ratings."""
    # Training loads the compiler.
    from engine import evaluate as compare  # noqa: PLC0415

    ratings, features = read_dataset(path)
    columns = TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Evaluating")

        def show(step: "Step") -> None:
            description = f"Split {step.seed}: {step.name}"
            progress.update(
                task, description=description, completed=step.done, total=step.total
            )

        rows = compare(
            ratings, seeds=range(seeds), item_features=features, on_step=show
        )
    Console().print(comparison(rows, n_splits=seeds))


def read_dataset(path: Path) -> "tuple[Ratings, FeatureMatrix]":
    """Read ratings, with a row for every movie, and what is known of the movies."""
    from engine import one_hot  # noqa: PLC0415 - loads the compiler

    dataset = MovieLens.open(path)
    movies = sorted(dataset.movies(), key=lambda movie: movie.id)
    catalogue = np.array([movie.id for movie in movies], dtype=np.int64)
    features = one_hot([words_of(movie.genres, movie.year) for movie in movies])
    return dataset.ratings().to_ratings(items=catalogue), features


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


@app.command()
def tune(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="a MovieLens folder or zip; the database's ratings if none"
        ),
    ] = None,
    target: Annotated[
        Literal["default", "plain", "ranking"],
        typer.Option(help="a preset of the rating head, or the ranking head"),
    ] = "default",
    trials: Annotated[int, typer.Option(min=1, help="in all")] = 40,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED)] = 0,
    test_share: Annotated[float, typer.Option(min=0.01, max=0.5)] = 0.1,
    journal: Annotated[
        Path, typer.Option(help="number of trials; a repeated search continues")
    ] = Path("tuning.jsonl"),
) -> None:
    """Search for better hyper-parameters; print them as the body of a training run."""
    try:
        from engine.jobs.search import Task  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        console.print(
            "[red]cinefold tune needs Optuna: pip install --editable '.\\[tune]'[/]"
        )
        raise typer.Exit(1) from error

    ratings, features = read_database() if path is None else read_dataset(path)
    task = Task(target, ratings, features, seed=seed, test_share=test_share)
    metric = "NDCG@10" if target == "ranking" else "RMSE"
    columns = TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Tuning", total=trials)

        def show(done: int, best: float) -> None:
            progress.update(bar, description=f"{metric} {best:.4f}", completed=done)

        found = task.run(journal, n_trials=trials, on_trial=show)
    console.print(
        f"{metric} on validation ratings: {found.untuned:.4f} untuned, "
        f"{found.tuned:.4f} tuned, {found.n_trials} trials"
    )
    run = TrainingRunIn.model_validate(task.parameters(found.values))
    typer.echo(run.model_dump_json(exclude_unset=True))


def read_database() -> "tuple[Ratings, FeatureMatrix]":
    """Read what a training run would."""
    with reach_database(Settings()) as url:
        snapshot = read_snapshot(url)
    return snapshot.ratings, snapshot.item_features


@app.command()
def reproduce(
    dataset: Annotated[Path, typer.Option(help="a MovieLens folder or zip")] = SAMPLE,
    out: Annotated[Path, typer.Option(help="a new or empty folder")] = REPORT,
    seed: Annotated[int, typer.Option(min=0, help="seed of split and training")] = 0,
) -> None:
    """Reproduce the tables and figures of the paper behind Cinefold, as a report."""
    try:
        from reproduction import report  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "matplotlib"):
            raise
        console.print(
            "[red]cinefold reproduce needs Jinja2 and matplotlib: run make reproduce, "
            "or pip install --editable '.\\[paper]'[/]"
        )
        raise typer.Exit(1) from error

    name = "the bundled sample" if dataset == SAMPLE else dataset.resolve().name
    columns = TextColumn("{task.description:<34}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Starting")

        def show(step: "ReportStep") -> None:
            progress.update(
                task, description=step.name, completed=step.done, total=step.total
            )

        page = report.write(
            MovieLens.open(dataset), out, name=name, seed=seed, on_step=show
        )
    console.print(f"Report: {page}")


@app.command("simulate-ab")
def simulate_ab(
    users: Annotated[int, typer.Option(min=50, help="in each variant")] = 200,
    votes: Annotated[float, typer.Option(min=1, help="of a user")] = 10,
    like_share: Annotated[float, typer.Option(help="of the control")] = 0.6,
    effect: Annotated[float, typer.Option(help="what B adds to it")] = 0.06,
    correlation: Annotated[float, typer.Option(help="of a user's votes")] = 0.1,
    days: Annotated[int, typer.Option(min=1, help="of daily looks")] = 60,
    experiments: Annotated[int, typer.Option(min=1, help="a table")] = 10_000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Reproduce the paper's A/B table, and measure how often each test errs."""
    nothing = Trial(users, like_share, 0.0, correlation, votes)
    something = Trial(users, like_share, effect, correlation, votes)
    columns = TextColumn("{task.description:<17}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:

        def options(name: str) -> dict[str, Any]:
            task = progress.add_task(name, total=experiments)
            return {
                "n_experiments": experiments,
                "rng": np.random.default_rng(seed),
                "on_step": lambda done: progress.update(task, completed=done),
            }

        once = fixed_horizon(nothing, **options("A/A, one look"))
        daily = daily_looks(nothing, n_days=days, **options("A/A, daily looks"))
        found = fixed_horizon(something, **options("A/B, one look"))
    power = f"the calculator says {something.power:.1%}"
    output = Console()
    print_papers_table(output)
    output.print(error_rates(once, "A/A, one look", "false alarms"))
    output.print(error_rates(daily, f"A/A, {days} daily looks", "false alarms"))
    output.print(error_rates(found, f"A/B, one look; {power}", "found"))


def print_papers_table(output: Console) -> None:
    """Print the counts of the paper's section 4.7 and both forms of its test."""
    from reproduction.printed import VOTES  # noqa: PLC0415 - loads pandas

    columns = ("version", "likes", "dislikes", "like share")
    table = RichTable(*columns, title="The paper", box=MARKDOWN)
    for name, (liked, disliked) in VOTES.items():
        share = liked / (liked + disliked)
        table.add_row(name, f"{liked:.0f}", f"{disliked:.0f}", f"{share:.1%}")
    output.print(table)
    likes, dislikes = (
        np.array(counts, dtype=np.float64)
        for counts in zip(*VOTES.values(), strict=True)
    )
    for name, test in (
        ("Pearson's chi-square", pearson_chi_square),
        ("with Yates' correction", yates_chi_square),
    ):
        result = test(likes, likes + dislikes)
        output.print(f"{name}: {result.statistic:.2f}, p = {result.p_value:.5f}")


def error_rates(rates: Sequence[Rate], title: str, outcome: str) -> RichTable:
    """Lay out how often each estimator found a difference and covered the true one."""
    columns = Column("estimator", no_wrap=True), outcome, "95 % interval covers"
    table = RichTable(*columns, title=title, box=MARKDOWN)
    for rate in rates:
        covered = "-" if rate.covered is None else f"{rate.covered:.2%}"
        table.add_row(rate.name, f"{rate.rejected:.2%}", covered)
    return table
