"""Every page under every fault: it says what is the matter, and how to go on."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, Error, Page, Route, expect

from tests.e2e.journeys import PASSWORD, promote, register
from tests.e2e.test_pages import PAGES, furnish
from tests.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

Fault: TypeAlias = Callable[[Route], None]

NEED_NOTHING = ("import", "no-such-page")
SHARES_DATA = "admin?tab=jobs"  # with the page on training: it is there already
# Pages on one thing, forms and settings: no list that might be empty.
HAVE_SOMETHING = [
    *("movie", "map", "import", "settings", "simulation", "experiment", "model"),
    *("code", "proposal", "admin", "admin"),
]
STARTS_WITH = "my-ratings"  # ratings are read once, when the app starts
MOST_SECONDS = 10

# Address, what is typed by label, and the button; an edit and a remark need more words.
FORMS = (
    ("sign-in", {"Username": "somebody", "Password": PASSWORD}, "Sign in"),
    ("register", {"Username": "somebody", "Password": PASSWORD}, "Create an account"),
    (
        "settings",
        {"Current password": PASSWORD, "New password": f"{PASSWORD}!"},
        "Change password",
    ),
    ("settings", {"Key name": "my script"}, "Create key"),
    ("training", {"Seed": "7"}, "Start training"),
    ("new-experiment", {"Name": "A plan", "Hypothesis": "It helps."}, "Save as draft"),
    ("edit-experiment/{draft}", {"Name": "Another plan"}, "Save as draft"),
    (
        "code/1?module=engine/training/fit.py&edit=true",
        {"Module text": "pass", "Purpose": "Shorter"},
        "Propose the edit",
    ),
    ("proposal/{proposal}", {"Your comment": "By how much?"}, "Add comment"),
    ("admin", {"Username": "newcomer"}, "Add a user"),
)

# Follow a link, and wait for the first picture of its page.
GO = """path => new Promise(done => {
  const painted = () => requestAnimationFrame(() => setTimeout(done));
  if (location.hash === `#/${path}`) return done();
  addEventListener('hashchange', painted, { once: true });
  location.hash = `#/${path}`;
})"""
SETTLE_IN = """([path, isKnown]) => {
  location.hash = `#/${path}`;
  if (isKnown) localStorage['cinefold.has-session'] = '1';
  else delete localStorage['cinefold.has-session'];
}"""
TURNS = "() => document.querySelector('main :is(.skeleton, [aria-busy=true])') !== null"
RESTS = "() => document.querySelector('main :is(.skeleton, [aria-busy=true])') === null"
READ = """() => {
  const seen = query => [...document.querySelectorAll(query)]
    .filter(element => element.checkVisibility());
  const texts = query => seen(query).map(({ innerText }) => innerText).join(' ');
  return {
    heading: texts('main :is(h1, h2)'),
    told: texts('main [role=alert]'),
    nothing: texts('main .state:not([role=alert])'),
    ways: seen('main :is(a[href], button:enabled)').length,
    retries: seen('main [role=alert] button').length,
  };
}"""
TRY_AGAIN = """() => document.querySelectorAll('main [role=alert] button')
  .forEach(button => button.click())"""
TYPED = """() => [...document.querySelectorAll('main :is(input, textarea, select)')]
  .map(({ type, checked, value }) => type === 'checkbox' ? checked : value)"""
# Time passes fifty times as fast for those who wait for the service.
HASTE = """() => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = milliseconds => timeout(milliseconds / 50);
}"""
# When something began to turn, and when it was told that nothing came of it.
WATCH = """new MutationObserver(() => {
  const is = query => document.querySelector(query) !== null;
  if (is('main .skeleton')) window.began ??= performance.now();
  if (is('main [role=alert] button')) window.ended ??= performance.now();
}).observe(document, { childList: true, subtree: true })"""


def refuse(status: int, slug: str) -> Fault:
    """Answer with a problem, which names when to come back."""
    body = {"type": f"/problems/{slug}", "title": "Out of order", "request_id": "r-1"}
    headers = {"retry-after": "7", "content-type": "application/problem+json"}
    return lambda route: route.fulfill(
        status=status, body=json.dumps(body | {"status": status}), headers=headers
    )


def answer(body: str) -> Fault:
    """Answer with something that is not what was asked for."""
    return lambda route: route.fulfill(body=body, content_type="application/json")


def empty(route: Route) -> None:
    """Answer as the service would if it had nothing yet."""
    reply = route.fetch()
    route.fulfill(response=reply, json=emptied(reply.json()))


def emptied(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a reply lists, and count nothing."""
    return {
        name: [] if isinstance(value, list) else 0 if name.startswith("n_") else value
        for name, value in document.items()
    }


ANY = ""
FAULTS: dict[str, tuple[Fault, str]] = {
    "404": (refuse(404, "not-found"), "The item does not exist"),
    "429": (refuse(429, "too-many-requests"), "Try again in 7 seconds"),
    "503": (refuse(503, "unavailable"), "usually recovers by itself"),
    "offline": (lambda route: route.abort(), "cannot reach the service"),
    "malformed": (answer('{"items": ['), "could not read the answer"),
    "misshapen": (answer("{}"), ANY),
    "unanswered": (lambda _: None, "did not answer"),
}


class Visitor:
    """Goes through all pages while the service's answers are what a test wants."""

    def __init__(self, page: Page, username: str, numbers: dict[str, int]) -> None:
        self.page = page
        self.username = username
        self.numbers = numbers
        self.paths = [path.format(**numbers) for path in PAGES]
        self.fault: Fault | None = None
        self.crashes: list[str] = []
        self.held: list[Route] = []
        page.on("pageerror", lambda error: self.crashes.append(str(error)))
        page.route("**/*", self.meet)

    def meet(self, route: Route) -> None:
        """Let through what is not of the page: the app itself, and who is signed in."""
        is_data = route.request.resource_type == "fetch"
        if self.fault and is_data and not route.request.url.endswith("/me"):
            self.fault(route)
        else:
            route.continue_()

    def start(self, path: str, *, is_known: bool = True) -> None:
        """Load the app on a page; it remembers nothing but that somebody is known."""
        self.page.evaluate(SETTLE_IN, [path, is_known])
        self.crashes.clear()
        self.page.reload()

    def go(self, path: str) -> None:
        """Follow a link to a page."""
        self.page.evaluate(GO, path)

    def read(self) -> dict[str, Any]:
        """Wait until nothing turns any more; say what the page then shows."""
        self.page.wait_for_function(RESTS, timeout=1_000 * MOST_SECONDS)
        found: dict[str, Any] = self.page.evaluate(READ)
        return found

    def release(self) -> None:
        """Let through what was held, and what follows."""
        self.fault = None
        while self.held:
            self.held.pop().continue_()


@pytest.fixture(scope="module")
def visitor(browser: Browser, service: Service) -> Iterator[Visitor]:
    """An administrator with something to see on every page."""
    with browser.new_context(base_url=service.url, locale="en") as context:
        page = context.new_page()
        page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        page.emulate_media(reduced_motion="reduce")
        username = register(page)
        promote(service, username)
        yield Visitor(page, username, furnish(page, service))


@pytest.fixture(scope="module", autouse=True)
def patient(browser: Browser, service: Service) -> Iterator[Page]:
    """A visitor in another window whom nothing answers, while the others are busy."""
    with browser.new_context(base_url=service.url, locale="en") as context:
        page = context.new_page()
        page.add_init_script("localStorage['cinefold.kept-ratings'] = '[]'")
        page.add_init_script(WATCH)
        page.route("**/movies?*", lambda _: None)
        page.goto("/#/browse")
        yield page


@pytest.mark.parametrize("name", FAULTS)
def test_a_page_without_its_data_says_why_and_leads_on(visitor, name):
    visitor.fault, text = FAULTS[name]
    visitor.start(STARTS_WITH)
    if name == "unanswered":
        visitor.page.evaluate(HASTE)
    findings = [trouble(visitor, STARTS_WITH, text)]

    for path in visitor.paths:
        visitor.go(path)
        findings.append(trouble(visitor, path, text))

    assert [each for each in findings if each] == []
    assert name == "misshapen" or visitor.crashes == []


def trouble(visitor: Visitor, path: str, text: str) -> str | None:
    """Say what is missing on a page whose data did not come."""
    try:
        found = visitor.read()
    except Error as error:
        return f"{path}: {error}"
    is_told = found["retries"] and text in found["told"]
    is_lost = found["nothing"] and visitor.fault is FAULTS["404"][0]
    is_fine = is_told or is_lost or path in NEED_NOTHING or text == ANY
    return (
        None if found["heading"] and found["ways"] and is_fine else f"{path}: {found}"
    )


def test_what_fails_beside_the_rest_is_told_and_can_be_tried_again(visitor):
    page, later = visitor.page, FAULTS["503"][0]
    visitor.fault = None
    visitor.start("no-such-page")
    n_retries, findings = 0, []

    for path in visitor.paths:
        visitor.fault = all_but_first(later)
        visitor.go(path)
        found = visitor.read()
        if not found["heading"]:
            findings.append(f"{path}: {found}")
        visitor.fault = None
        page.evaluate(TRY_AGAIN)
        n_retries += found["retries"]
        if visitor.read()["told"].strip():
            findings.append(f"{path}: cannot be tried again")

    assert findings == []
    assert visitor.crashes == []
    assert n_retries > 10


def all_but_first(fault: Fault) -> Fault:
    """Let the first request of a page through."""
    answers = chain([Route.continue_], repeat(fault))

    def meet(route: Route) -> None:
        next(answers)(route)

    return meet


def test_a_page_with_nothing_to_show_says_so(visitor):
    visitor.fault = empty
    visitor.start(STARTS_WITH)
    found = {STARTS_WITH: visitor.read()}

    for path in visitor.paths:
        visitor.go(path)
        found[path] = visitor.read()

    silent = [path for path, each in found.items() if not each["nothing"]]
    assert [re.split(r"[/?]", path)[0] for path in silent] == HAVE_SOMETHING
    assert all(each["heading"] and not each["told"].strip() for each in found.values())
    assert visitor.crashes == []


def test_what_takes_long_turns_until_it_is_there(visitor):
    visitor.fault = visitor.held.append
    visitor.start(STARTS_WITH)
    findings = [slowness(visitor, STARTS_WITH)]

    for path in visitor.paths:
        visitor.fault = visitor.held.append
        if path not in (STARTS_WITH, SHARES_DATA, *NEED_NOTHING):
            visitor.go(path)
            findings.append(slowness(visitor, path))

    assert [each for each in findings if each] == []
    assert visitor.crashes == []


def slowness(visitor: Visitor, path: str) -> str | None:
    """Say what is wrong with a page that waits for its data, and then gets it."""
    try:
        visitor.page.wait_for_function(TURNS, timeout=5_000)
    except Error as error:
        return f"{path}: {error}"
    visitor.release()
    found = visitor.read()
    is_fine = found["heading"] and not found["told"].strip()
    return None if is_fine else f"{path}: {found}"


def test_a_session_that_has_ended_leads_to_signing_in_and_back(visitor):
    page, me = visitor.page, visitor.page.request.get("/me").json()
    visitor.fault = None
    visitor.start("no-such-page")

    for path in visitor.paths:
        if path in NEED_NOTHING:
            continue
        visitor.fault = refuse(401, "not-signed-in")
        visitor.go(path)
        if path.startswith("insights"):  # open to anybody
            page.get_by_role("link", name="Sign in").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        visitor.fault = None
        page.route("**/auth/session", lambda route: route.fulfill(json=me), times=1)
        page.get_by_label("Username").fill(visitor.username)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password", exact=True).press("Enter")
        page.wait_for_url(lambda url, path=path: url.endswith(f"/#/{path}"))

    assert visitor.crashes == []


@pytest.mark.parametrize(("path", "texts", "button"), FORMS)
def test_what_was_typed_survives_a_refusal(visitor, path, texts, button):
    page = visitor.page
    visitor.fault = None
    is_known = path not in ("sign-in", "register")
    visitor.start(path.format(**visitor.numbers), is_known=is_known)
    page.get_by_text(button, exact=True).first.wait_for()
    if path == "admin":
        page.get_by_text(button, exact=True).first.click()
    for label, text in texts.items():
        page.get_by_label(label, exact=True).last.fill(text)
    before = page.evaluate(TYPED)

    for name in ("429", "503", "offline"):
        visitor.fault, told = FAULTS[name]
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("alert").filter(has_text=told)).to_be_visible()
        assert page.evaluate(TYPED) == before, name

    assert set(texts.values()) <= set(before)


def test_a_file_and_a_rating_survive_a_refusal(visitor):
    page = visitor.page
    visitor.fault = None
    visitor.start("import")
    file = {"name": "my.csv", "mimeType": "text/csv", "buffer": b"movie_id,rating\n1,4"}
    page.get_by_label("Choose a file or drop it here").wait_for()
    visitor.fault, told = FAULTS["503"]
    page.get_by_label("Choose a file or drop it here").set_input_files([file])
    expect(page.get_by_role("alert").filter(has_text=told)).to_be_visible()
    visitor.fault = None
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("my.csv")).to_be_visible()
    expect(page.get_by_text("skipped.")).to_be_visible()

    visitor.go("movie/1")
    visitor.read()
    rating = page.get_by_role("group", name="Your rating of Toy Story", exact=True)
    rating.wait_for()
    visitor.fault, told = FAULTS["offline"]
    rating.get_by_role("radio", name="1 and a half of 5").press("1")
    notice = page.get_by_role("region", name="Messages")
    expect(notice).to_contain_text(told)
    visitor.fault = None
    with page.expect_response(re.compile("/ratings/")) as stored:
        notice.get_by_role("button", name="Try again").click()
    assert stored.value.json()["value"] == 1


def test_a_page_whose_code_does_not_come_can_be_tried_again(visitor):
    visitor.fault = None
    visitor.start("no-such-page")
    visitor.page.route("**/assets/simulation-*", lambda route: route.abort(), times=1)

    visitor.go("simulation")
    told = visitor.read()["told"]
    visitor.page.get_by_role("button", name="Try again").click()

    assert FAULTS["offline"][1] in told
    expect(visitor.page.get_by_role("heading", name="Self-test")).to_be_visible()


def test_nothing_turns_for_more_than_ten_seconds(patient):
    patient.wait_for_function("() => window.ended", timeout=2_000 * MOST_SECONDS)

    assert patient.evaluate("(ended - began) / 1000") < MOST_SECONDS
    expect(patient.get_by_text("did not answer within ten seconds")).to_be_visible()
