"""Insights, the map and polarizing movies, in a real browser."""

import csv
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.journeys import register

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def downloaded(page: Page, button: Locator) -> list[list[str]]:
    """Press a button that downloads a CSV file; return its rows."""
    with page.expect_download() as download:
        button.click()
    with download.value.path().open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(
    ("tab", "n_plots"), [("ratings", 3), ("movies", 2), ("genres", 3)]
)
def test_each_plot_tells_its_numbers_to_anybody(page, tab, n_plots):
    page.goto(f"/#/insights?tab={tab}")
    sections = page.get_by_role("main").locator("section")
    panels = sections.filter(has=page.get_by_role("img"))
    expect(panels).to_have_count(n_plots)

    for panel in panels.all():
        label = panel.get_by_role("img").get_attribute("aria-label") or ""
        title = label.partition(". ")[0]
        panel.get_by_text("Show the numbers as a table").press("Enter")
        rows = panel.get_by_role("region", name=title).get_by_role("row")
        name = f"Download as CSV: {title}"
        lines = downloaded(page, panel.get_by_role("button", name=name))
        assert len(lines) == rows.count() > 5
        assert lines[0] == rows.first.get_by_role("columnheader").all_inner_texts()


def test_the_map_is_searched_and_walked_by_keyboard(page):
    register(page)
    page.goto("/#/map")
    window = page.get_by_role("application")
    expect(window).to_be_visible()

    page.get_by_label("Search movies").press_sequentially("toy stroy")
    page.get_by_label("Search movies").press("Tab")
    panel = page.locator("section").filter(
        has=page.get_by_role("heading", name="Found")
    )
    found = panel.get_by_role("button", name="Toy Story (1995)")
    expect(found).to_be_visible()
    found.press("Enter")
    expect(page.get_by_role("link", name="Toy Story (1995)")).to_be_visible()
    expect(page).to_have_url(re.compile("movie=1$"))

    # With a rating the map knows where its visitor stands.
    stars = page.get_by_role("group", name="Your rating of Toy Story")
    stars.get_by_role("radio").first.press("5")
    expect(page.get_by_role("button", name="Go to me")).to_be_visible()
    in_view = page.get_by_role("heading", name="In view")
    before = in_view.inner_text()
    window.press("+")
    window.press("ArrowLeft")
    expect(in_view).not_to_have_text(before)

    page.get_by_role("button", name="Toy Story 2 (1999)").first.press("Enter")
    expect(page.get_by_role("link", name="Toy Story 2 (1999)")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="Toy Story 2 (1999)")).to_be_visible()


@pytest.mark.parametrize("dims", [2, 3])
def test_a_lasso_leads_to_recommendations(page, dims):
    register(page)
    page.goto(f"/#/map?dims={dims}")
    window = page.get_by_role("application")
    expect(page.get_by_role("heading", name="In view")).to_contain_text("movies")

    page.get_by_role("button", name="Lasso").click()
    window.scroll_into_view_if_needed()
    box = window.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 60, y - 60)
    page.mouse.down()
    for dx, dy in ((60, -60), (60, 60), (-60, 60)):
        page.mouse.move(x + dx, y + dy)
    page.mouse.up()
    expect(page.get_by_role("heading", name="20 movies chosen")).to_be_visible()
    with page.expect_response(re.compile("/recommendations$")) as asked:
        page.get_by_role("button", name="Recommend like these").click()
    listed = page.get_by_role("listitem").filter(has=page.get_by_role("img"))

    expect(listed).to_have_count(12)
    chosen = {
        each["movie_id"] for each in asked.value.request.post_data_json["ratings"]
    }
    assert len(chosen) == 20
    assert not chosen & {each["movie"]["id"] for each in asked.value.json()["items"]}
    page.reload()
    expect(listed).to_have_count(12)
    page.get_by_role("button", name="Clear the choice").click()
    expect(page.get_by_role("heading", name="In view")).to_be_visible()


def test_genres_have_a_map_and_a_list(page):
    register(page)
    page.goto("/#/map?of=genres&dims=3")

    lines = downloaded(page, page.get_by_role("button", name="Download as CSV"))

    assert lines[0] == ["Genre", "Axis 1", "Axis 2", "Axis 3", "Movies"]
    assert len(lines) > 15
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(len(lines))


def test_polarizing_movies_are_narrowed_rated_and_taken_away(page):
    register(page)
    page.goto("/#/polarizing")
    titles = page.get_by_role("main").get_by_role("heading", level=2)
    expect(titles).to_have_count(20)
    before = titles.all_inner_texts()

    page.get_by_label("Minimum ratings").fill("1")
    expect(page.get_by_text("Enter a whole number from 2")).to_be_visible()
    page.get_by_label("Minimum ratings").fill("50")
    expect(titles.first).not_to_have_text(before[0])
    with page.expect_response(re.compile("by=excess&min_ratings=50")):
        page.get_by_label("Sort by").select_option("excess")
    expect(page).to_have_url(re.compile(r"min_ratings=50&by=excess$"))
    expect(page.get_by_role("listitem").filter(has_text="beyond")).to_have_count(20)
    lines = downloaded(page, page.get_by_role("button", name="Download as CSV"))
    with page.expect_response(re.compile("/ratings/")) as saved:
        page.get_by_role("radio", name="4 of 5", exact=True).first.press("4")

    assert saved.value.ok
    assert [line[0] for line in lines[1:]] == titles.all_inner_texts()
    assert all(int(line[2]) >= 50 for line in lines[1:])
    excesses = [float(line[5]) for line in lines[1:]]
    assert excesses == sorted(excesses, reverse=True)
