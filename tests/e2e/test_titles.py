"""Browsing by prediction, looking after ratings, moving files, settings."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.journeys import PASSWORD, fits, register

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

TEN = (1, 50, 260, 296, 318, 356, 480, 527, 593, 2571)
LETTERBOXD = (
    "Date,Name,Year,Letterboxd URI,Rating\n"
    "2020-01-01,The Matrix,1999,https://boxd.it/a,4.5\n"
    "2020-01-02,Toy Story,1995,https://boxd.it/b,2\n"
    "2020-01-03,No Such Film At All,1900,https://boxd.it/c,3\n"
)
HOSTILE = {
    1: "<script>document.title='taken'</script><img src=x onerror=alert(1)>",
    50: "‮txet desrever‬",  # noqa: PLE2502 - the point of the test
    260: "x" * 10_000,
}


def rate(page: Page, movie_ids: tuple[int, ...] = TEN, value: float = 4.0) -> None:
    """Rate movies as the signed-in user, and let the page know."""
    user_id = page.request.get("/me").json()["id"]
    for movie_id in movie_ids:
        reply = page.request.put(
            f"/ratings/{user_id}/{movie_id}",
            data={"value": value},
            headers={"Origin": page.url.split("/#")[0]},
        )
        assert reply.ok, reply.text()
    page.reload()


def stored(page: Page) -> dict[int, tuple[float, str]]:
    """Read value and date of the signed-in user's ratings by movie."""
    user_id = page.request.get("/me").json()["id"]
    items = page.request.get(f"/ratings/{user_id}?limit=100").json()["items"]
    return {each["movie"]["id"]: (each["value"], each["rated_at"]) for each in items}


def press(page: Page, name: str) -> None:
    """Reach a button and press it, by keyboard."""
    page.get_by_role("button", name=name, exact=True).first.focus()
    page.keyboard.press("Enter")


def rows(page: Page):
    """Find the titles of my ratings."""
    return page.get_by_role("main").get_by_role("listitem").get_by_role("heading")


def test_browse_sorts_by_prediction_and_goes_on(page):
    register(page)
    rate(page, TEN[:3])
    page.goto("/#/browse")
    sort = page.get_by_label("Sort by")

    with page.expect_response(re.compile(r"/predictions/\d+\?limit=36")):
        sort.select_option(label="Our prediction for you")
    guesses = page.locator(".guess")
    expect(guesses).to_have_count(36)
    with page.expect_response(re.compile(r"/predictions/\d+\?limit=36&cursor=")):
        page.get_by_role("button", name="Load more movies").scroll_into_view_if_needed()
    expect(guesses).not_to_have_count(36)

    stars = [float(text.split(" ")[0]) for text in guesses.all_text_contents()]
    assert stars == sorted(stars, reverse=True)
    sort.select_option(label="Most polarizing")
    page.get_by_role("main").get_by_role("link").nth(1).click()
    expect(page.get_by_text("Divides opinion")).to_be_visible()


def test_ten_are_rated_by_keyboard_and_the_guesses_move(page):
    register(page)
    page.goto("/#/browse")
    groups = page.get_by_role("group", name="Your rating of")
    expect(page.locator(".guess")).to_have_count(36)
    before = page.locator(".guess").all_text_contents()

    for i in range(10):
        groups.nth(i).get_by_role("radio").first.focus()
        with page.expect_response(re.compile(r"/ratings/\d+/\d+$")) as saved:
            page.keyboard.press("2" if i % 2 else "5")
        assert saved.value.ok

    expect(page.get_by_role("link", name="My ratings")).to_contain_text("10")
    expect(page.locator(".guess").first).not_to_have_text(before[0])


def test_ratings_are_found_ordered_and_removed_together_with_an_undo(page):
    register(page)
    rate(page)
    rate(page, (1,), 1.5)
    page.goto("/#/my-ratings")
    expect(rows(page)).to_have_count(10)
    expect(page.get_by_text("of your list").first).to_be_visible()
    expect(page.get_by_text("Since then, users have made")).to_be_visible()

    page.get_by_label("Sort by").select_option(label="Title")
    titles = rows(page).all_inner_texts()
    assert titles == sorted(titles, key=str.lower)
    page.get_by_role("combobox", name="Stars").select_option(label="1.5 stars")
    expect(rows(page)).to_have_text(["Toy Story"])
    page.reload()  # the address holds the filters
    expect(rows(page)).to_have_text(["Toy Story"])
    page.get_by_role("searchbox").fill("no such title")
    page.get_by_role("link", name="Clear filters").click()
    expect(rows(page)).to_have_count(10)

    for title in ("Toy Story", "Pulp Fiction"):
        page.get_by_label(f"Select {title}", exact=True).focus()
        page.keyboard.press("Space")
    before = stored(page)
    press(page, "Delete 2 ratings")
    expect(rows(page)).to_have_count(8)
    press(page, "Undo")
    expect(rows(page)).to_have_count(10)
    page.wait_for_load_state("networkidle")
    assert stored(page) == before
    page.reload()
    expect(rows(page)).to_have_count(10)


def test_a_file_is_tried_out_before_it_is_taken_in_and_comes_out_again(page):
    register(page)
    rate(page, (1,))
    page.goto("/#/import")
    file = {
        "name": "ratings.csv",
        "mimeType": "text/csv",
        "buffer": LETTERBOXD.encode(),
    }

    page.get_by_label("Choose a file or drop it here").set_input_files([file])
    expect(
        page.get_by_text("1 new, 1 changed, 0 unchanged, 1 skipped.")
    ).to_be_visible()
    report = page.get_by_role("region", name="Every row of the file")
    first = report.get_by_role("row").nth(1)
    expect(first).to_contain_text("Skipped: no such movie here")
    expect(page.get_by_role("link", name="My ratings")).to_contain_text("1")
    press(page, "Import 2 ratings")
    expect(page.get_by_text("2 ratings imported.")).to_be_visible()
    imported = page.get_by_role("region", name="Past imports").get_by_role("row")
    expect(imported).to_have_count(2)  # with the head
    expect(imported.nth(1)).to_contain_text("1 new, 1 changed, 0 unchanged")
    expect(page.get_by_role("link", name="My ratings").first).to_contain_text("2")
    with page.expect_download() as download:
        page.get_by_role("link", name="Letterboxd").click()

    written = download.value.path().read_text()
    assert "The Matrix" in written or "Matrix, The" in written
    page.goto("/#/my-ratings")
    expect(rows(page)).to_have_text(["Toy Story", "The Matrix"])


def test_a_key_is_made_shown_once_and_revoked(page, service):
    register(page)
    page.goto("/#/settings")
    press(page, "Create key")
    expect(page.get_by_text("The key has no name. Enter one.")).to_be_visible()
    page.get_by_label("Key name").fill("my script")
    page.keyboard.press("Enter")
    secret = page.get_by_text("Copy the key now.").locator("..").locator("code")
    key = secret.inner_text()

    with page.context.browser.new_context(base_url=service.url) as program:
        bearer = {"Authorization": f"Bearer {key}"}
        assert program.request.get("/me", headers=bearer).ok
        press(page, "Revoke")
        page.get_by_role("dialog").get_by_role("button", name="Revoke").press("Enter")
        expect(page.get_by_text("my script is revoked")).to_be_visible()
        expect(page.get_by_text("There are no keys yet.")).to_be_visible()
        assert program.request.get("/me", headers=bearer).status == 401


def test_a_new_password_ends_other_sessions_and_an_account_its_data(page, service):
    username = register(page)
    with page.context.browser.new_context(base_url=service.url) as other:
        credentials = {"username": username, "password": PASSWORD}
        headers = {"Origin": service.url}
        reply = other.request.post("/auth/session", data=credentials, headers=headers)
        assert reply.ok
        page.goto("/#/settings")
        expect(page.get_by_text("Last seen")).to_have_count(2)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download everything").click()
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password").fill(f"{PASSWORD}!")
        press(page, "Change password")
        expect(page.get_by_text("you are signed out everywhere else")).to_be_visible()
        assert other.request.get("/me").status == 401
    assert json.loads(download.value.path().read_text())["user"]["username"] == username

    page.get_by_label(f"Type {username} to confirm").fill("somebody else")
    page.get_by_label("Your password").fill(f"{PASSWORD}!")
    press(page, "Delete my account")
    expect(page.get_by_text("The name does not match your username.")).to_be_visible()
    page.get_by_label(f"Type {username} to confirm").fill(username)
    press(page, "Delete my account")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(f"{PASSWORD}!")
    press(page, "Sign in")
    expect(page.get_by_text("The username or the password is wrong.")).to_be_visible()


@pytest.fixture
def page_of_failures(browser, service):
    """A page whose failing requests the browser may report."""
    with browser.new_context(base_url=service.url, locale="en") as context:
        page = context.new_page()
        page.set_default_timeout(20_000)
        yield page


def test_a_session_that_is_lost_for_good_leads_back_after_signing_in(page_of_failures):
    page = page_of_failures
    username = register(page)

    page.context.clear_cookies()
    page.goto("/#/movie/1")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_role("heading", name="Toy Story", level=1)).to_be_visible()


def test_hostile_titles_are_text_and_break_nothing(page):
    register(page)
    rate(page, tuple(HOSTILE))

    def disguise(route) -> None:
        reply = route.fetch()
        text = json.dumps(replaced(reply.json()))
        route.fulfill(response=reply, body=text)

    page.route(re.compile(r"/(movies|ratings/\d+|predictions/\d+)(/\d+)?\?"), disguise)
    page.reload()  # nothing is remembered
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("browse", "my-ratings", "browse?sort=predicted", "import", "settings"):
        page.goto(f"/#/{path}")
        assert fits(page), path
    page.goto("/#/my-ratings")
    expect(rows(page)).to_have_count(3)
    expect(rows(page).filter(has_text="<script>")).to_be_visible()
    assert page.title() != "taken"


def replaced(document):
    """Give movies the hostile titles, wherever they stand in a reply."""
    if isinstance(document, list):
        return [replaced(each) for each in document]
    if not isinstance(document, dict):
        return document
    changed = {name: replaced(value) for name, value in document.items()}
    if "title" in changed and changed.get("id") in HOSTILE:
        changed["title"] = HOSTILE[changed["id"]]
    return changed
