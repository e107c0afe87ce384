"""`cinefold tune`: what it looks at, what it finds, and that a killed one goes on."""

import json
import math
import signal
import sys
from dataclasses import asdict

import pytest
from optuna.distributions import CategoricalDistribution
from typer.testing import CliRunner

from api.commands import main as cli
from api.commands.measure import read_dataset
from api.schemas.training import TrainingRunIn
from api.services.loading import load
from api.storage.database import migrate
from engine.data.movielens import MovieLens
from engine.errors import DataError, SolveError
from engine.jobs.job import Job
from engine.jobs.run import hold_out
from engine.jobs.search import SPACES, STARTS, Journal, Task, search
from engine.model.configuration import PLAIN
from tests.conftest import create_database
from tests.reproduction.conftest import write_dataset
from tests.service import Process, wait_for

pytestmark = pytest.mark.compiled

TARGETS = tuple(SPACES)


def bowl(setting):
    """Pretend that a user weight of 2 and an exponent of 0.4 are best."""
    return 1 + math.log(setting.user_weight / 2) ** 2 + (setting.exponent - 0.4) ** 2


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "trials", "bowl")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuning") / "small"
    return write_dataset(folder, n_users=60, n_movies=40, n_ratings=900)


def tune(*arguments):
    return CliRunner().invoke(cli.app, ["tune", *map(str, arguments)])


def test_a_search_begins_with_the_preset_and_returns_the_best(journal):
    settings = []

    def judge(setting):
        settings.append(setting)
        return bowl(setting)

    found = search("plain", judge, journal, n_trials=30)

    assert settings[0] == PLAIN
    assert found.untuned == bowl(PLAIN)
    assert found.tuned == min(map(bowl, settings)) < found.untuned
    assert found.values["user_weight"] == min(settings, key=bowl).user_weight
    assert found.n_trials == len(settings) == 30


def test_of_a_ranking_head_the_highest_figure_is_best(journal):
    found = search(
        "ranking", lambda setting: asdict(setting)["exponent"], journal, n_trials=20
    )

    highest = max(values["exponent"] for values, _ in journal.read())
    assert found.tuned == found.values["exponent"] == highest > found.untuned


def test_a_resumed_search_is_that_which_never_stopped(journal, tmp_path):
    whole = Journal(tmp_path / "whole", "bowl")
    search("plain", bowl, whole, n_trials=16)
    reported = []
    search("plain", bowl, journal, n_trials=5)

    found = search(
        "plain",
        bowl,
        journal,
        n_trials=16,
        on_trial=lambda *news: reported.append(news),
    )

    assert journal.read() == whole.read()
    assert [done for done, _ in reported] == list(range(5, 17))
    assert reported[-1] == (16, found.tuned)
    again = search("plain", lambda _: pytest.fail("judged"), journal, n_trials=16)
    assert again == found


def test_a_setting_that_does_not_work_is_a_trial_all_the_same(journal):
    def judge(setting):
        if setting.exponent > PLAIN.exponent:
            raise SolveError("singular")
        return bowl(setting)

    found = search("plain", judge, journal, n_trials=12)

    figures = [figure for _, figure in journal.read()]
    assert len(figures) == found.n_trials == 12
    assert None in figures
    assert found.values["exponent"] <= PLAIN.exponent


@pytest.mark.parametrize("figure", [math.nan, math.inf])
def test_a_preset_without_a_figure_ends_the_search(journal, figure):
    with pytest.raises(SolveError, match="nothing could be measured"):
        search("plain", lambda _: figure, journal, n_trials=3)

    assert journal.read() == []


def test_searches_share_a_file_but_no_trials(journal):
    other = Journal(journal.path, "other")
    journal.add({"exponent": 1.0}, 0.9)
    other.add({"exponent": 0.5}, None)

    assert journal.read() == [({"exponent": 1.0}, 0.9)]
    assert other.read() == [({"exponent": 0.5}, None)]


@pytest.mark.parametrize("text", ["rating,1\n", "[1]\n", '{"preset": "plain"}\n'])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(journal, text):
    journal.path.write_text(text)

    with pytest.raises(DataError, match="something else than trials; name another"):
        search("plain", bowl, journal, n_trials=3)

    assert journal.path.read_text() == text


@pytest.mark.parametrize("target", TARGETS)
def test_a_space_holds_its_preset(target, journal):
    settings = []

    def judge(setting):
        settings.append(setting)
        return 1.0

    search(target, judge, journal, n_trials=1)

    assert settings == [STARTS[target]]


@pytest.mark.parametrize("target", TARGETS)
def test_a_space_keeps_the_bounds_of_training_runs(target, dataset):
    task = Task(target, *read_dataset(dataset))

    for end in ("low", "high"):
        values = {
            name: end == "low"
            if isinstance(space, CategoricalDistribution)
            else getattr(space, end)
            for name, space in SPACES[target].items()
        }
        body = json.dumps(task.parameters(values))
        job = Job.of(
            TrainingRunIn.model_validate_json(body).model_dump(exclude_none=True)
        )
        head = job.ranking_head if target == "ranking" else job.rating_head
        assert {name: getattr(head, name) for name in values} == values


def test_what_a_training_run_is_measured_on_is_never_looked_at(dataset):
    task = Task("default", *read_dataset(dataset), seed=4, test_share=0.2)
    run = hold_out(task.ratings, seed=4, test_share=0.2)

    split = task.validation()

    forbidden = set(zip(run.test.user_indices, run.test.item_indices, strict=True))
    trained = split.train.by_user.row_of_each(), split.train.by_user.indices
    validated = split.test.user_indices, split.test.item_indices
    looked_at = {*zip(*trained, strict=True), *zip(*validated, strict=True)}
    assert len(forbidden) > 50
    assert not forbidden & looked_at
    assert len(forbidden) + len(looked_at) == task.ratings.n_ratings


def test_searches_on_other_data_or_seeds_have_other_names(dataset):
    ratings, features = read_dataset(dataset)
    fewer = hold_out(ratings, seed=0, test_share=0.1).train
    tasks = [
        Task("default", ratings, features),
        Task("plain", ratings, features),
        Task("default", fewer, features),
        Task("default", ratings, features[:, :-1]),
        Task("default", ratings, features, seed=1),
        Task("default", ratings, features, test_share=0.2),
    ]

    assert len({task.name() for task in tasks}) == len(tasks)
    assert Task("default", *read_dataset(dataset)).name() == tasks[0].name()


@pytest.mark.parametrize("target", TARGETS)
def test_the_command_prints_both_figures_and_a_training_run(target, dataset, tmp_path):
    journal = tmp_path / "trials"

    printed = tune(
        dataset, "--target", target, "--trials", 2, "--seed", 7, "--journal", journal
    )

    task = Task(target, *read_dataset(dataset), seed=7)
    untuned, other = (figure or 0 for _, figure in Journal(journal, task.name()).read())
    choose = max if target == "ranking" else min
    metric = "NDCG@10" if target == "ranking" else "RMSE"
    assert (
        f"{metric} on validation ratings: {untuned:.4f} untuned, "
        f"{choose(untuned, other):.4f} tuned, 2 trials"
    ) in printed.stderr
    wanted = TrainingRunIn.model_validate_json(printed.stdout)
    assert (wanted.seed, wanted.test_share, wanted.evaluate) == (7, 0.1, "always")
    head = wanted.ranking if target == "ranking" else wanted.rating
    assert head.model_dump(exclude_none=True).keys() == SPACES[target].keys()


def test_the_database_holds_the_same_search_as_the_files_it_was_loaded_from(
    server, dataset, tmp_path, monkeypatch
):
    url = create_database(server, "cinefold_tuned")
    migrate(url)
    load(url, MovieLens.open(dataset), on_progress=lambda *_: None)
    monkeypatch.setenv("DATABASE_URL", url)
    options = ("--target", "plain", "--trials", 1, "--journal", tmp_path / "trials")
    of_files = tune(dataset, *options)

    of_database = tune(*options)

    assert of_database.exit_code == 0
    assert of_database.stdout == of_files.stdout
    assert len((tmp_path / "trials").read_text().splitlines()) == 1


def test_without_optuna_the_command_says_what_to_install(dataset, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "engine.jobs.search")

    printed = tune(dataset)

    assert printed.exit_code == 1
    assert "needs Optuna: pip install --editable '.[tune]'" in printed.stderr


def test_a_killed_search_keeps_its_trials_and_goes_on(dataset, tmp_path):
    journal = tmp_path / "trials"
    arguments = "tune", str(dataset), "--target", "plain", "--journal", str(journal)
    killed = Process(*arguments, "--trials", "10000", log=tmp_path / "killed.log")
    wait_for(
        lambda: journal.exists() and len(journal.read_text().splitlines()) >= 3,
        seconds=60, what="three trials",
    )  # fmt: skip
    killed.end(signal.SIGKILL)
    kept = journal.read_text().splitlines()

    printed = tune(*arguments[1:], "--trials", len(kept) + 2)

    lines = journal.read_text().splitlines()
    assert lines[: len(kept)] == kept
    assert len(lines) == len(kept) + 2
    assert f"{len(lines)} trials" in printed.stderr
