"""The report's page: well formed, alone, and true to the numbers."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from reproduction.page import render
from reproduction.votes import compare
from tests.reproduction.conftest import AWKWARD, votes


class Reader(HTMLParser):
    """Checks that tags nest, and collects numbers, words and titles."""

    def __init__(self, page):
        super().__init__()
        self.open: list[str] = []
        self.exact: list[float] = []
        self.ids: list[str] = []
        self.links: list[str] = []
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
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if "xlink:href" in attributes:
            self.links.append(attributes["xlink:href"].removeprefix("#"))

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
    reader = Reader(page)

    assert page.startswith("<!doctype html>")
    for outside in ("<script", "http", "src=", " href=", "@import", "onload"):
        assert outside not in page
    assert page.count("url(") == page.count("url(#") > 0
    assert len(reader.ids) == len(set(reader.ids)) > 0
    assert set(reader.links) <= set(reader.ids)


def test_every_number_on_the_page_is_one_of_the_json_file(page, numbers):
    reader, known = Reader(page), set(map(float, leaves(numbers)))

    assert len(reader.exact) > 500
    assert [value for value in reader.exact if value not in known] == []
    assert "nan" not in Reader(page).words.split()


def test_no_number_on_the_page_is_written_by_hand(page):
    """Digits come from the JSON file, except in names of figures, axes and so on."""
    names = r"(Table|Figure|equation|axis) \d+|ML-\d+M|80/20|90/10"

    words = re.sub(names, "", Reader(page).words)

    assert re.findall(r".{0,20}\d.{0,20}", words) == []


def test_every_table_and_figure_of_the_paper_is_there(page):
    for index in range(1, 12):
        assert f"Figure {index}. " in page
    for index in range(1, 5):
        assert f"Table {index}." in page
    assert page.count("<svg") == 11


def test_table_4_names_each_movie_by_its_id(page, numbers):
    table = page.split("<b>Table 4.</b>")[1].split("</table>")[0]

    assert ">Id</th>" in table
    ids = [int(i) for i in re.findall(r'</th><td><data value="(\d+)">\1</data>', table)]
    assert ids == [row["movie_id"] for row in numbers["by_variance"]]


def test_the_page_names_the_contradiction_about_the_split(page, numbers):
    words = " ".join(Reader(page).words.split())

    assert "The paper contradicts itself about its split" in words
    assert "80/20 in one place and 90/10 in another" in words
    shares = numbers["settings"]["other_test_share"], numbers["settings"]["test_share"]
    assert tuple(numbers["paper"]["test_shares"]) == shares == (0.2, 0.1)
    bias = next(m for m in numbers["models"] if m["model"] == "bias")
    assert 0 < abs(numbers["other_split_bias"] - bias["test_rmse"]) < 0.1


def test_titles_are_text_and_never_markup(page):
    assert f"{AWKWARD} (2001)" in Reader(page).titles
    assert AWKWARD not in page


def words_of_page(results, **changes):
    return " ".join(Reader(render(replace(results, **changes))).words.split())


def test_the_words_follow_the_errors(results):
    def with_latent(**values):
        models = results.models.copy()
        models.loc[models["model"] == "latent", list(values)] = list(values.values())
        return words_of_page(results, models=models)

    better = with_latent(test_rmse=0.1, best_test_rmse=0.1, explained=0.9)
    worse = with_latent(test_rmse=9.0, best_test_rmse=0.5, explained=-1.0)
    assert "Here, too, factors improve on biases alone" in better
    assert "It is never lower." in better
    assert "Here factors are then no better" in better
    assert "Here factors lose to biases alone" in worse
    assert "After its best sweep, the test RMSE rises" in worse
    assert "Guessing the mean would be better." in worse
    assert "own program has λ in its updates" in worse


def test_the_words_follow_the_votes(results):
    def text(first, second):
        rows = ("latent", 50, *first), ("features", 50, *second)
        return words_of_page(results, simulation=compare(votes(*rows)))

    assert "The test finds a difference" in text((400, 100), (200, 300))
    assert "finds no difference beyond chance" in text((200, 300), (200, 300))
    assert "nothing to test" in text((500, 0), (500, 0))


@pytest.mark.parametrize("n_movies", [1, 7])
def test_a_list_counts_its_scores_above_the_scale(results, n_movies):
    """A short list is not said to have ten movies."""
    ranges = results.dummy_user.ranges.assign(n_movies=n_movies, n_above=n_movies - 1)
    dummy = replace(results.dummy_user, ranges=ranges)

    page = render(replace(results, dummy_user=dummy))

    text = re.sub(r"<[^>]+>|\s+", " ", page)
    claim = rf" {n_movies - 1} +of +{n_movies} +are above +5 +stars"
    assert len(re.findall(claim, text)) == 4
    assert len(re.findall("not in stars", text)) == 1
