"""Every page in both themes: accessible, within a narrow screen, without an error."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page, Request, expect

from api.storage.embedded_postgres import server_url
from tests.e2e.journeys import planned, promote, register
from tests.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

FRONTEND = Path(__file__).parents[2] / "frontend"
AXE = FRONTEND / "node_modules/axe-core/axe.min.js"
# Addresses of every page of `pages.tsx`; a number that only the test knows is a field.
PAGES = (
    *("browse", "movie/1", "for-you", "my-ratings", "hidden", "start"),
    *("insights?tab=ratings", "insights?tab=movies", "insights?tab=genres"),
    *("polarizing", "map?movie=1", "map?of=genres", "import", "settings"),
    *("experiments", "new-experiment", "simulation?n_experiments=50"),
    *("experiment/{stopped}", "edit-experiment/{draft}", "no-such-page"),
    *("training", "models?a=1&b=1", "model/1", "code/1"),
    *("proposals", "proposal/{proposal}"),
    *("admin", "admin?tab=jobs", "admin?tab=storage"),
)
WITHOUT_ACCOUNT = ("sign-in", "register", "insights")
AS_GUEST = ("start", "my-ratings")

# axe's other findings are advice. In the second theme only colours are another matter.
SCAN = """rules => axe
  .run(document, {
    resultTypes: ['violations'],
    ...(rules && { runOnly: { type: 'rule', values: rules } }),
  })
  .then(({ violations }) => violations
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.target.join(' ')}`)))
"""
COLOURS = ["color-contrast", "link-in-text-block"]
PAINTED = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


# Of those in the second variant more like what they see.
SEEN_AND_VOTED = """
UPDATE experiments SET started_at = started_at - interval '14 days'
WHERE id = %(experiment)s;
INSERT INTO exposures (experiment_id, user_id, variant_id, exposed_at)
SELECT v.experiment_id, u, v.id, now() - u %% 14 * interval '1 day'
FROM generate_series(1, 200) u
JOIN variants v ON v.experiment_id = %(experiment)s AND v.position = u %% 2;
INSERT INTO feedback (user_id, movie_id, variant_id, is_like, voted_at)
SELECT user_id, m.id, v.id, (user_id + m.id) %% 7 > 2 - v.position, exposed_at
FROM exposures e
JOIN variants v ON v.id = e.variant_id
CROSS JOIN (SELECT id FROM movies ORDER BY id LIMIT 5) m
WHERE e.experiment_id = %(experiment)s AND e.user_id <= 200
"""


class Inspector:
    """Visits pages and collects what is wrong with them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.findings: list[str] = []
        self.pending: set[Request] = set()
        page.emulate_media(reduced_motion="reduce")  # nothing is half transparent
        page.on("request", self.began)
        page.on("requestfinished", self.ended)
        page.on("requestfailed", self.ended)

    def began(self, request: Request) -> None:
        """Wait for one request more."""
        self.pending.add(request)

    def ended(self, request: Request) -> None:
        """Wait for one request less."""
        self.pending.discard(request)

    def load(self) -> None:
        """Load the app anew, with axe in it."""
        self.page.reload()
        self.page.evaluate(AXE.read_text())

    def visit(self, path: str) -> None:
        """Scan a page in both themes, and look whether it fits a narrow screen."""
        self.page.evaluate("path => { location.hash = `#/${path}`; }", path)
        self.settle()
        for theme, rules in (("light", None), ("dark", COLOURS)):
            self.page.evaluate(
                "theme => { document.documentElement.dataset.theme = theme; }", theme
            )
            found = self.page.evaluate(SCAN, rules)
            self.findings += [f"{path}, {theme}: {each}" for each in found]
        self.page.set_viewport_size({"width": 320, "height": 640})
        self.page.evaluate(PAINTED)
        root = self.page.locator("html")
        if root.evaluate("root => root.scrollWidth > root.clientWidth"):
            self.findings.append(f"{path}: wider than 320 px")
        self.page.set_viewport_size({"width": 1280, "height": 800})

    def settle(self) -> None:
        """Wait until the page is filled."""
        self.page.evaluate(PAINTED)
        while self.pending:
            self.page.wait_for_timeout(20)
            self.page.evaluate(PAINTED)
        expect(self.page.locator(".skeleton, [aria-busy=true]")).to_have_count(0)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        expect(self.page.locator(".state[role=alert]")).to_have_count(0)


@pytest.fixture
def inspector(page: Page) -> Iterator[Inspector]:
    """Somebody who looks at pages; what they found fails the test."""
    page.goto("/#/sign-in")
    inspector = Inspector(page)
    yield inspector
    assert inspector.findings == []


def test_an_administrator_can_use_every_page(page, inspector, service):
    promote(service, register(page))
    numbers = furnish(page, service)
    inspector.load()

    for path in PAGES:
        inspector.visit(path.format(**numbers))

    # With a one-time password all pages are one.
    me = page.request.get("/me").json() | {"must_change_password": True}
    page.route("**/me", lambda route: route.fulfill(json=me))
    inspector.load()
    inspector.visit("settings")
    expect(page.get_by_label("One-time password")).to_be_visible()


def test_somebody_without_an_account_can_use_every_page(page, inspector):
    inspector.load()
    for path in WITHOUT_ACCOUNT:
        inspector.visit(path)

    page.goto("/#/sign-in")
    page.get_by_role("link", name="Try it without an account").click()
    question = page.get_by_role("region", name="Movies to rate").get_by_role("radio")
    question.first.press("5")
    for path in AS_GUEST:
        inspector.visit(path)


def test_no_page_is_left_out():
    """A page that is added is added here as well."""
    registered = re.findall(
        r"^  '?([a-z-]+)'?: (?:open|own|admin)\(",
        (FRONTEND / "src/pages.tsx").read_text(),
        re.MULTILINE,
    )

    visited = {re.split(r"[/?]", path)[0] for path in PAGES}

    assert len(registered) > 10
    assert set(registered) <= visited


def furnish(page: Page, service: Service) -> dict[str, int]:
    """Give an administrator something to see on every page."""
    user_id = page.request.get("/me").json()["id"]
    origin = {"origin": service.url}
    for movie_id in (1, 50, 260, 296, 318, 356, 480, 527, 593, 2571):
        path = f"/ratings/{user_id}/{movie_id}"
        value = {"value": 3 + movie_id % 5 / 2}
        expect(page.request.put(path, data=value, headers=origin)).to_be_ok()
    path = f"/hidden/{user_id}/2"
    expect(page.request.put(path, headers=origin)).to_be_ok()
    stopped, draft = (planned(page, service, name=name) for name in ("Ran", "Draft"))
    for move in ("start", "stop"):
        expect(page.request.post(f"{stopped}/{move}", headers=origin)).to_be_ok()
        if move == "start":  # as long as it runs, somebody sees it
            expect(page.request.get(f"/recommendations/{user_id}")).to_be_ok()
            vote(service, number(stopped))
    edit = {
        "model_id": 1,
        "path": "engine/training/fit.py",
        "text": "",
        "comment": "Shorter",
    }
    proposal = page.request.post("/code-proposals", data=edit, headers=origin)
    expect(proposal).to_be_ok()
    return {
        "stopped": number(stopped),
        "draft": number(draft),
        "proposal": proposal.json()["id"],
    }


def vote(service: Service, experiment_id: int) -> None:
    """Let the sample's users have seen an experiment for two weeks, and voted."""
    with (
        server_url(service.data_dir) as url,
        psycopg.connect(url.replace("+psycopg", "", 1)) as connection,
    ):
        for statement in SEEN_AND_VOTED.split(";"):
            connection.execute(statement, {"experiment": experiment_id})


def number(path: str) -> int:
    """Read the number at the end of an address."""
    return int(path.rpartition("/")[2])
