"""`cinefold reproduce` on a small data set, as its user meets it."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from api.commands import main as cli
from engine.data.movielens import MovieLens
from engine.data.synthetic import make_ratings
from engine.errors import DataError
from engine.paper.configuration import PAPER_PRESETS
from reproduction import plots
from reproduction.measure import reproduce
from reproduction.page import render
from reproduction.report import NUMBERS, PAGE, write
from reproduction.simulation import compare, count

if TYPE_CHECKING:
    from reproduction.measure import Step

GENRES = ["Drama", "Comedy", "War", "Film-Noir"]
AWKWARD = 'Me & <b>"You"</b>, The'


def write_dataset(folder, *, n_users=90, n_movies=60, n_ratings=2_000, genres=GENRES):
    """Made-up ratings in the official layout; movie 1 is Toy Story."""
    made = make_ratings(
        n_users=n_users, n_items=n_movies, n_ratings=n_ratings,
        rng=np.random.default_rng(4),
    ).ratings  # fmt: skip
    folder.mkdir()
    with (folder / "ratings.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["userId", "movieId", "rating", "timestamp"])
        users, items = made.by_user.row_of_each(), made.by_user.indices
        for user, item, value in zip(users, items, made.by_user.values, strict=True):
            rows.writerow([made.user_ids[user], made.item_ids[item], value, 0])
    with (folder / "movies.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["movieId", "title", "genres"])
        titles = {1: "Toy Story (1995)", 2: f"{AWKWARD} (2001)", 3: "Without a year"}
        for movie in range(1, n_movies + 1):
            mine = genres[movie % len(genres)] if movie % 7 else "(no genres listed)"
            title = titles.get(movie, f"Movie {movie} (1990)")
            rows.writerow([movie, title, mine])
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("reproduction") / "small")


@pytest.fixture(scope="module")
def report(dataset, tmp_path_factory):
    """The folder that one run of the command leaves."""
    out = tmp_path_factory.mktemp("report") / "new" / "folder"
    arguments = ["reproduce", "--dataset", str(dataset), "--out", str(out)]

    result = CliRunner().invoke(cli.app, arguments)

    assert result.exit_code == 0, result.output
    assert str(out / PAGE) in result.stderr.replace("\n", "")
    return out


@pytest.fixture(scope="module")
def numbers(report):
    return json.loads((report / NUMBERS).read_text())


@pytest.fixture(scope="module")
def found(dataset):
    """The same numbers as records."""
    data = MovieLens.open(dataset)
    return reproduce(data, name="small", seed=0, on_step=lambda _: None)


@pytest.fixture(scope="module")
def page(report):
    return (report / PAGE).read_text()


class Reader(HTMLParser):
    """Checks that tags nest, and collects numbers, words and titles."""

    def __init__(self, page):
        super().__init__()
        self.open: list[str] = []
        self.exact: list[float] = []
        self.titles: list[str] = []
        self.words = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.collect(tag, dict(attributes))

    def handle_startendtag(self, tag, attributes):
        self.collect(tag, dict(attributes))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def collect(self, tag, attributes):
        assert len(attributes) == len(set(attributes))
        if tag == "data":
            self.exact.append(float(attributes["value"]))
        if "data-value" in attributes:
            self.exact.append(float(attributes["data-value"]))

    def handle_data(self, data):
        if "cite" in self.open:
            self.titles.append(data)
        elif not {"data", "svg", "style"} & set(self.open):
            self.words += data


def leaves(tree):
    """Every number in a JSON document."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree] if isinstance(tree, int | float) else []


def test_the_page_is_well_formed_and_stands_alone(page):
    assert page.startswith("<!doctype html>")
    Reader(page)
    for outside in ("<script", "http", "src=", "href=", "url(", "@import", "onload"):
        assert outside not in page


def test_every_number_on_the_page_is_one_of_the_json_file(page, numbers):
    reader, known = Reader(page), set(map(float, leaves(numbers)))

    assert len(reader.exact) > 500
    assert [value for value in reader.exact if value not in known] == []


def test_no_number_on_the_page_is_written_by_hand(page):
    """Names of figures, data sets and axes apart, digits come from the JSON file."""
    names = r"(Table|Figure|equation|axis) \d+|ML-\d+M"

    words = re.sub(names, "", Reader(page).words)

    assert re.findall(r".{0,20}\d.{0,20}", words) == []


def test_every_table_and_figure_of_the_paper_is_there(page):
    for index in range(1, 12):
        assert f"Figure {index}. " in page
    for index in range(1, 5):
        assert f"Table {index}." in page
    assert page.count("<svg") == 11 + 3  # the loss below each of three courses


def test_titles_are_text_and_never_markup(page):
    assert f"{AWKWARD} (2001)" in Reader(page).titles
    assert AWKWARD not in page


def test_the_numbers_are_those_of_the_data_set(numbers):
    data = numbers["dataset"]

    assert (data["n_ratings"], data["n_users"], data["n_movies"]) == (2_000, 90, 60)
    assert data["name"] == "small"
    assert sum(bar["count"] for bar in numbers["rating_counts"]) == 2_000
    assert [genre["name"] for genre in numbers["genres"]] == sorted(GENRES)
    sweeps = {len(course["sweeps"]) for course in numbers["courses"]}
    assert [course["name"] for course in numbers["courses"]] == list(PAPER_PRESETS)
    assert sweeps == {20}
    assert len(numbers["genre_map"]["explained"]) == 3
    assert len(numbers["movie_map"]["explained"]) == 2
    n_known = len(numbers["movie_map"]["points"])
    counted = [bar for bar in numbers["movie_sizes"] if bar["value"] >= 10]
    assert n_known == sum(bar["count"] for bar in counted)


def test_the_dummy_user_loves_toy_story_and_is_not_shown_it_again(numbers):
    dummy = numbers["dummy_user"]

    assert (dummy["title"], dummy["stars"]) == ("Toy Story (1995)", 5)
    assert len(dummy["lists"]) == 5
    for movies in dummy["lists"]:
        scores = [movie["score"] for movie in movies["movies"]]
        assert len(scores) == 10
        assert scores == sorted(scores, reverse=True)
        assert "Toy Story (1995)" not in [m["title"] for m in movies["movies"]]


def test_polarizing_movies_fall_by_variance_and_by_excess(numbers):
    polarizing = numbers["polarizing"]

    for column in ("variance", "excess"):
        rows = polarizing[f"by_{column}"]
        values = [row[column] for row in rows]
        assert values == sorted(values, reverse=True)
        assert min(row["n_ratings"] for row in rows) >= 10
        for row in rows:
            assert row["excess"] == pytest.approx(row["variance"] - row["expected"])


def test_all_voters_vote_on_their_whole_list(numbers):
    votes = numbers["simulation"]["votes"]

    assert [(vote["version"], vote["n_users"]) for vote in votes] == [
        ("latent", 45), ("features", 45),
    ]  # fmt: skip
    assert all(vote["likes"] + vote["dislikes"] <= 450 for vote in votes)
    assert all(vote["likes"] > 0 for vote in votes)


def test_the_paper_s_counts_give_its_chi_square_with_yates_correction(numbers):
    paper = numbers["paper"]
    plain, yates = paper["votes"]["plain"], paper["votes"]["yates"]

    assert round(yates["statistic"], 2) == paper["printed_statistic"] == 9.82
    assert round(yates["p"], 5) == paper["printed_p"] == 0.00173
    assert plain["statistic"] == pytest.approx(1000 * 24_000**2 / (500**2 * 658 * 342))
    assert round(plain["p"], 5) == 0.00138


@pytest.mark.parametrize("counts", [(5, 0, 7, 0), (0, 5, 0, 7), (0, 0, 3, 4)])
def test_votes_of_one_kind_are_not_tested(counts):
    likes, dislikes, other_likes, other_dislikes = counts
    votes = [count("A", 5, likes, dislikes), count("B", 5, other_likes, other_dislikes)]

    found = compare(votes)

    assert (found.plain, found.yates) == (None, None)


def test_no_votes_have_no_share():
    assert count("A", 5, 0, 0).like_share is None
    assert count("A", 5, 3, 1).like_share == 0.75


def test_the_words_follow_the_numbers(found):
    def text(**changes):
        return " ".join(Reader(render(replace(found, **changes))).words.split())

    def courses(test_rmse):
        bias, latent, features = found.courses
        last = replace(latent.sweeps[-1], test_rmse=test_rmse)
        sweeps = [*latent.sweeps[:-1], last]
        return [bias, replace(latent, sweeps=sweeps, explained=0.9), features]

    better, worse = text(courses=courses(0.1)), text(courses=courses(9.0))
    assert "Here too factors gain on biases alone" in better
    assert "Here factors lose to biases alone" in worse
    assert "Past its best sweep the test error rises" in worse

    clear = compare([count("latent", 50, 400, 100), count("features", 50, 200, 300)])
    assert "the two differ here" in text(simulation=clear)
    equal = compare([count("latent", 50, 200, 300), count("features", 50, 200, 300)])
    assert "no more than chance would make" in text(simulation=equal)
    one_kind = compare([count("latent", 50, 500, 0), count("features", 50, 500, 0)])
    assert "nothing to test" in text(simulation=one_kind)


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
    assert len({step.name for step in steps}) == 11


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
        ({"n_ratings": 200}, r"\d+ movies have 10 ratings or more, the tables need 30"),
        ({"genres": ["Drama"]}, r"names 1 genres, a map of them needs 3"),
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


def test_ticks_are_round_and_inside():
    assert plots.Scale(0, 1, 0, 100).ticks() == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert plots.Scale(3.31, 3.97, 0, 100).ticks() == [3.4, 3.6, 3.8]
    assert plots.Scale(7, 7, 0, 100)(7) == 50


@pytest.mark.parametrize(
    ("most", "label"),
    [(4, ">1</text>"), (4_000, ">1k</text>"), (40_000, ">10k</text>"),
     (4_000_000, ">1M</text>")],
)  # fmt: skip
def test_large_numbers_on_axes_are_written_short(most, label):
    drawing = plots.columns(
        [("a", most)], describe="", horizontal="", vertical=""
    )  # fmt: skip

    assert label in drawing


def test_marks_stand_where_their_values_are():
    drawing = plots.bars([("a", 10.0), ("b", 5.0)], describe="two bars")

    first, second = map(
        float, re.findall(r'class="bar"[^>]* width="([\d.]+)"', drawing)
    )
    assert first == pytest.approx(2 * second, abs=0.1)
    assert re.findall(r'data-value="([\d.]+)"', drawing) == ["10.0", "5.0"]


def test_names_stay_in_the_picture_and_off_one_another():
    crowd = [(np.cos(t), np.sin(t)) for t in np.linspace(0, 6, 8)]
    named = [(index, f"A rather long name {index}") for index in range(8)]

    drawing = plots.plane(crowd, named, describe="a circle")

    found = re.findall(
        r'class="label halo" x="([\d.-]+)" y="([\d.-]+)" text-anchor="(\w+)">([^<]+)',
        drawing,
    )
    boxes = []
    for x, y, anchor, text in found:
        wide = len(text) * 6.7
        share = {"start": 0, "middle": 0.5, "end": 1}[anchor]
        boxes.append((float(x) - wide * share, float(y), wide))
    assert len(boxes) == 8
    assert all(left >= -1 and left + wide <= plots.WIDTH + 1 for left, _, wide in boxes)
    for index, (left, y, wide) in enumerate(boxes):
        for other_left, other_y, other_wide in boxes[:index]:
            apart = abs(y - other_y) >= 11
            assert apart or left + wide <= other_left or other_left + other_wide <= left


def test_labels_of_lines_that_end_together_are_moved_apart():
    drawing = plots.lines(
        [("train", [2.0, 1.0]), ("test", [2.1, 1.001])], describe="", domain=(0, 3)
    )

    heights = re.findall(r'class="label \w+" x="[\d.]+" y="([\d.]+)"', drawing)
    assert abs(float(heights[0]) - float(heights[1])) >= 12.9
