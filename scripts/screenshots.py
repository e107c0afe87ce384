"""Take the README's pictures of the running app, in a real browser.

Starts the service on the bundled sample in a folder of its own and needs Chromium:

    python -m scripts.screenshots
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

import numpy as np
import psycopg
from playwright.sync_api import (
    Browser,
    Page,
    StorageState,
    ViewportSize,
    expect,
    sync_playwright,
)

from api.clients.cinefold import Cinefold
from api.schemas.experiments import ExperimentIn, VariantIn
from api.schemas.training import TrainingRunIn
from api.storage.embedded_postgres import server_url
from tests.service import Service, running

DOCS = Path(__file__).parent.parent / "docs"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars")
SIZE: ViewportSize = {"width": 1280, "height": 860}
Theme: TypeAlias = Literal["light", "dark"]
PICTURES: tuple[tuple[str, Theme], ...] = (
    ("for-you", "light"),
    ("browse", "dark"),
    ("movie/1", "light"),
    ("map", "light"),
)
# Ratings by somebody who likes animation and clever thrillers.
RATINGS = {1: 5, 2571: 4.5, 2959: 4.5, 4886: 4.5, 50: 5, 593: 4, 1721: 2, 2858: 4}
PASSWORD = "a sentence is good"  # noqa: S105 - of accounts that live as long as the script
N_USERS = 671  # of the sample
N_DAYS = 14
LIKE_SHARES = (0.57, 0.68)  # invented: of the two variants in the picture
VOTES_PER_USER = 6
CORRELATION = 0.1  # of two votes of one user

PLAN = ExperimentIn(
    name="Order by expected stars",
    hypothesis="People like the movies that promise most stars more often.",
    variants=[
        VariantIn(name="A", weight=0.5, model_id=1, head="ranking"),
        VariantIn(name="B", weight=0.5, model_id=1, head="rating"),
    ],
    metric="like_share",
    minimum_effect=0.05,
)


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
        lover = sign_up(chromium, service.url)
        for name, theme in PICTURES:
            with browsing(chromium, service.url, theme=theme, state=lover) as page:
                take(page, name)
        # After them: from its start on it decides what they would see.
        admin = sign_in(chromium, service)
        with service.program("serve", "admin") as program:
            run_experiment(service, program)
            run_id = train(program)
        with browsing(chromium, service.url, state=admin) as page:
            take(page, "experiment/1")
            take(page, f"training?run={run_id}")
        chromium.close()


@contextmanager
def browsing(
    chromium: Browser,
    url: str,
    *,
    theme: Theme = "light",
    state: StorageState | None = None,
) -> Iterator[Page]:
    """Open a page in a profile of its own, or in somebody's session."""
    with chromium.new_context(
        base_url=url,
        locale="en",
        viewport=SIZE,
        color_scheme=theme,
        storage_state=state,
    ) as context:
        yield context.new_page()


def sign_up(chromium: Browser, url: str) -> StorageState:
    """Register somebody who has rated a few movies; return their session."""
    with browsing(chromium, url) as page:
        page.goto("/#/register")
        page.get_by_label("Username").fill("movie-lover")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Create an account").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        user_id = page.request.get("/me").json()["id"]
        for movie_id, stars in RATINGS.items():
            path = f"/ratings/{user_id}/{movie_id}"
            reply = page.request.put(
                path, data={"value": stars}, headers={"origin": url}
            )
            expect(reply).to_be_ok()
        return page.context.storage_state()


def sign_in(chromium: Browser, service: Service) -> StorageState:
    """Sign the administrator in; return their session."""
    with browsing(chromium, service.url) as page:
        page.goto("/#/sign-in")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password", exact=True).fill(service.one_time_password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("One-time password").fill(service.one_time_password)
        page.get_by_label("Your new password").fill(PASSWORD)
        page.get_by_role("button", name="Save and continue").click()
        expect(page.get_by_role("link", name="Experiments")).to_be_visible()
        return page.context.storage_state()


def run_experiment(service: Service, program: Cinefold) -> None:
    """Show every user of the sample a list; invent their votes over two weeks."""
    program.start_experiment(program.create_experiment(PLAN).id)
    lists = {
        user_id: program.recommendations(user_id).items
        for user_id in range(1, N_USERS + 1)
    }
    rng = np.random.default_rng(0)
    with (
        server_url(service.data_dir) as url,
        psycopg.connect(url.replace("+psycopg", "", 1)) as connection,
    ):
        exposures = connection.execute(
            "SELECT user_id, variant_id, exposed_at FROM exposures"
            " WHERE user_id <= %s ORDER BY user_id",
            (N_USERS,),
        ).fetchall()
        first = min(variant_id for _, variant_id, _ in exposures)
        for user_id, variant_id, exposed_at in exposures:
            seen_at = exposed_at - timedelta(days=int(rng.integers(N_DAYS)))
            share = LIKE_SHARES[variant_id - first]
            movie_ids = [item.movie.id for item in lists[user_id]]
            votes = invent_votes(movie_ids, like_share=share, rng=rng)
            connection.execute(
                "UPDATE exposures SET exposed_at = %s WHERE user_id = %s",
                (seen_at, user_id),
            )
            connection.cursor().executemany(
                "INSERT INTO feedback"
                " (user_id, movie_id, variant_id, is_like, voted_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                [(user_id, movie, variant_id, vote, seen_at) for movie, vote in votes],
            )
        connection.execute(
            "UPDATE experiments SET started_at = started_at - %s",
            (timedelta(days=N_DAYS),),
        )


def invent_votes(
    movie_ids: Sequence[int], *, like_share: float, rng: np.random.Generator
) -> list[tuple[int, bool]]:
    """Let a user vote on the first movies of a list, with a liking of their own."""
    spread = (1 - CORRELATION) / CORRELATION  # of the beta distribution of liking
    liking = rng.beta(like_share * spread, (1 - like_share) * spread)
    voted = movie_ids[: rng.poisson(VOTES_PER_USER)]
    return [(movie_id, bool(rng.random() < liking)) for movie_id in voted]


def train(program: Cinefold) -> int:
    """Train a model of each kind, neither of them live; return the last run."""
    for preset in ("plain", "default"):
        settings = {"preset": preset, "evaluate": "always", "activate": False}
        run = program.train(TrainingRunIn.model_validate(settings))
    return program.wait_for_training(run.id).id


def take(page: Page, name: str) -> None:
    """Photograph a page once everything in it has come."""
    page.goto(f"/#/{name}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".skeleton")).to_have_count(0)
    page.screenshot(path=DOCS / f"{re.split('[/?]', name)[0]}.png")


if __name__ == "__main__":
    main()
