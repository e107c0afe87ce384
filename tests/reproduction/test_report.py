"""`cinefold reproduce` as its user meets it: files, progress and refusals."""

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from api.commands import main as cli
from engine.data.movielens import MovieLens
from engine.errors import DataError
from reproduction.report import NUMBERS, PAGE, write
from tests.reproduction.conftest import write_dataset

if TYPE_CHECKING:
    from reproduction.progress import Step


def test_equal_seeds_give_equal_files_and_others_do_not(report, dataset, tmp_path):
    def run(seed):
        folder = tmp_path / str(seed)
        write(
            MovieLens.open(dataset), folder, name="small", seed=seed,
            on_step=lambda _: None,
        )  # fmt: skip
        return [(folder / name).read_bytes() for name in (PAGE, NUMBERS)]

    first = [(report / name).read_bytes() for name in (PAGE, NUMBERS)]
    assert run(0) == first
    assert run(1)[1] != first[1]


def test_progress_counts_up_to_all_there_is(dataset, tmp_path):
    steps: list[Step] = []

    write(
        MovieLens.open(dataset), tmp_path / "report", name="small", seed=0,
        on_step=steps.append,
    )  # fmt: skip

    done = [step.done for step in steps]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, steps[-1].total)
    assert len({step.name for step in steps}) == 12


def test_a_folder_that_holds_something_is_left_alone(dataset, tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    steps: list[Step] = []

    with pytest.raises(DataError, match=r"is not empty; name a new folder with --out"):
        write(
            MovieLens.open(dataset), tmp_path, name="small", seed=0,
            on_step=steps.append,
        )  # fmt: skip

    assert steps == []
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    assert kept.read_text() == "mine"


def test_an_empty_folder_is_used_and_a_file_is_not(dataset, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match="name another folder"):
        write(
            MovieLens.open(dataset), tmp_path / "file", name="small", seed=0,
            on_step=lambda _: None,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_ratings": 200}, r"\d+ movies have 10 or more ratings; the tables need 30"),
        ({"genres": ["Drama"]}, r"names 1 genres; the genre map needs 3"),
    ],
)
def test_a_data_set_too_small_for_the_tables_is_refused(tmp_path, changes, message):
    dataset = MovieLens.open(write_dataset(tmp_path / "small", **changes))

    with pytest.raises(DataError, match=message):
        write(
            dataset, tmp_path / "report", name="small", seed=0, on_step=lambda _: None
        )


def test_a_foreseen_failure_is_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["cinefold", "reproduce", "--dataset", "nowhere"])
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit, match="1"):
        cli.main()

    assert "nowhere: no such folder or zip" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_extra_is_one_sentence_that_says_how_to_get_it(tmp_path, package):
    """A process in which the package cannot be found, as where it is not installed."""
    script = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = ['reproduce'];"
        "from api.commands.main import main; main()"
    )

    run = subprocess.run(  # what it does is what the test names
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert run.returncode == 1
    assert " ".join(run.stderr.split()) == (
        "cinefold reproduce needs Jinja2 and matplotlib: run make reproduce, or pip "
        "install --editable '.[paper]'"
    )
    assert list(tmp_path.iterdir()) == []
