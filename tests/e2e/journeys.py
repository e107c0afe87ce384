"""Steps that journeys share."""

from uuid import uuid4

import psycopg
from playwright.sync_api import Locator, Page, expect

from api.storage.embedded_postgres import server_url
from tests.service import Service

PASSWORD = "a whole sentence works well"  # noqa: S105 - of users that live as long as a test


def register(page: Page) -> str:
    """Create an account through the form."""
    username = f"user-{uuid4().hex[:8]}"
    page.goto("/#/register")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create an account").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return username


def promote(service: Service, username: str) -> None:
    """Make somebody an administrator."""
    with (
        server_url(service.data_dir) as url,
        psycopg.connect(url.replace("+psycopg", "", 1)) as connection,
    ):
        connection.execute(
            "UPDATE users SET is_admin = true WHERE username = %s", (username,)
        )


def planned(page: Page, service: Service, **changed: object) -> str:
    """Store a draft and return its path."""
    model_id = page.request.get("/health/ready").json()["model"]["id"]
    plan = {
        "name": "Stars",
        "hypothesis": "People like it more.",
        "minimum_effect": 0.05,
        "metric": "like_share",
        "variants": [
            {"name": "A", "weight": 0.5, "model_id": model_id},
            {"name": "B", "weight": 0.5, "model_id": model_id, "head": "rating"},
        ],
        **changed,
    }
    origin = {"origin": service.url}
    reply = page.request.post("/experiments", data=plan, headers=origin)
    expect(reply).to_be_ok()
    return f"/experiments/{reply.json()['id']}"


def fits(page: Page) -> bool:
    """Whether nothing sticks out of the window sideways."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    overflow = "root => root.scrollWidth - root.clientWidth"
    return bool(page.locator("html").evaluate(overflow) == 0)


def search(page: Page, text: str) -> None:
    """Search on the browse page, until address and movies say so."""
    page.goto("/#/browse")
    page.get_by_label("Search movies").fill(text)
    page.wait_for_url("**/*query=*")
    # A movie of the list before may be among those found, and move under the pointer.
    expect(page.locator("[data-stale=true]")).to_have_count(0)


def stars(page: Page, title: str) -> Locator:
    """Find the star input of a movie."""
    return page.get_by_role("group", name=f"Your rating of {title}", exact=True).first


def recommended(page: Page) -> Locator:
    """Find the titles of the first list."""
    page.goto("/#/for-you")
    expect(page.get_by_role("heading", name="For you", exact=True)).to_be_visible()
    top = page.get_by_role("region", name="Top picks for you")
    return top.get_by_role("heading", level=3)
