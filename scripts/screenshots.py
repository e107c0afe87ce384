"""Take the README's pictures of the running app, in a real browser.

Starts the service on the bundled sample in a folder of its own and needs Chromium:

    python -m scripts.screenshots
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import (
    Browser,
    Page,
    StorageState,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.service import running

DOCS = Path(__file__).parent.parent / "docs"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars")
SIZE: ViewportSize = {"width": 1280, "height": 860}
PICTURES: tuple[tuple[str, Literal["light", "dark"]], ...] = (
    ("for-you", "light"),
    ("browse", "dark"),
    ("movie/1", "light"),
)
# Movie id and stars of somebody who likes animation and clever thrillers.
RATINGS = {1: 5, 2571: 4.5, 2959: 4.5, 4886: 4.5, 50: 5, 593: 4, 1721: 2, 2858: 4}


def main() -> None:
    """Write `docs/*.png`."""
    DOCS.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        running(Path(folder) / "data", Path(folder) / "log") as service,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        state = sign_up(chromium, service.url)
        for name, theme in PICTURES:
            context = chromium.new_context(
                base_url=service.url,
                locale="en",
                viewport=SIZE,
                color_scheme=theme,
                storage_state=state,
            )
            with context:
                take(context.new_page(), name, DOCS / f"{name.split('/')[0]}.png")
        chromium.close()


def sign_up(chromium: Browser, url: str) -> StorageState:
    """Register somebody who has rated a few films; return their session."""
    with chromium.new_context(base_url=url, locale="en") as context:
        page = context.new_page()
        page.goto("/#/register")
        page.get_by_label("Username").fill("film lover")
        page.get_by_label("Password", exact=True).fill("a sentence is good")
        page.get_by_role("button", name="Create an account").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        user_id = context.request.get("/me").json()["id"]
        for movie_id, stars in RATINGS.items():
            path = f"/ratings/{user_id}/{movie_id}"
            reply = context.request.put(
                path, data={"value": stars}, headers={"origin": url}
            )
            expect(reply).to_be_ok()
        return context.storage_state()


def take(page: Page, name: str, file: Path) -> None:
    """Photograph a page once everything in it has come."""
    page.goto(f"/#/{name}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file)


if __name__ == "__main__":
    main()
