"""The Movie Database: synopses and posters, at the pace that TMDB allows.

https://developer.themoviedb.org documents the replies: a movie's details, the
configuration that says where images are, and errors. TMDB allows some forty requests a
second and answers 429 to anybody faster.
"""

import asyncio
import logging
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AliasPath, BaseModel, Field, SecretStr, ValidationError

if TYPE_CHECKING:
    from httpx import AsyncClient

T = TypeVar("T")
logger = logging.getLogger(__name__)

SOURCE = "TMDB"
KEY_ADVICE = (
    "set TMDB_API_KEY to a key of The Movie Database; one is free for non-commercial "
    "use at https://www.themoviedb.org/settings/api"
)
POSTER_SIZE = "w342"  # pixels across: sharp at the width that the app shows
JPEG = b"\xff\xd8\xff"

SECONDS_BETWEEN = 1 / 30
TIMEOUT_SECONDS = 10.0
N_ATTEMPTS = 4
LONGEST_WAIT = 120.0
LARGEST_REPLY = 1 << 20  # bytes
# Without compression the limit on bytes is the limit on memory.
HEADERS = {"User-Agent": "Cinefold", "Accept-Encoding": "identity"}


class RefusedError(Exception):
    """TMDB will answer nothing: the key is wrong, or TMDB asks us to stay away."""


class NoAnswerError(Exception):
    """Every attempt failed to bring a usable answer."""


class Details(BaseModel):
    """The part of a movie's details that Cinefold uses."""

    id: int
    overview: Annotated[str, Field(max_length=10_000)] | None = None
    poster_path: (
        Annotated[str, Field(pattern=r"^/[A-Za-z0-9_-]{1,100}\.jpg$")] | None
    ) = None


class Configuration(BaseModel):
    """The part of TMDB's configuration that Cinefold uses: where images are."""

    images_url: Annotated[
        str,
        Field(
            validation_alias=AliasPath("images", "secure_base_url"),
            pattern=r"^https?://\S+/$",
            max_length=200,
        ),
    ]


@dataclass(frozen=True)
class Description:
    """A movie as TMDB describes it; both fields are empty for an unknown movie."""

    synopsis: str | None = None
    poster: bytes | None = None


@dataclass(frozen=True)
class Reply:
    """A reply, read to its end."""

    status: int
    content: bytes
    retry_after: str = ""


NO_REPLY = Reply(0, b"")


class Tmdb:
    """Asks TMDB for one thing at a time; only `api` sends the key."""

    def __init__(self, url: str, key: SecretStr, *, first_pause: float = 1.0) -> None:
        import httpx  # noqa: PLC0415 - web processes load the commands, but ask nobody

        # httpx logs whole addresses, and an address may hold the key.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self.api = httpx.AsyncClient(base_url=url, **_signature(key))
        self.pictures = httpx.AsyncClient(headers=HEADERS)
        self.first_pause = first_pause
        self.next_turn = 0.0
        self.images: str | None = None

    async def describe(self, tmdb_id: int) -> Description:
        """Fetch a movie's synopsis and poster, retrying while there is hope."""
        details = await self._fetch(self.api, f"/movie/{tmdb_id}", _read_details)
        if details is None:
            return Description()
        if details.id != tmdb_id:
            raise NoAnswerError
        poster = None
        if details.poster_path is not None:
            if self.images is None:
                self.images = await self._fetch(
                    self.api, "/configuration", _read_images_url
                )
            url = f"{self.images}{POSTER_SIZE}{details.poster_path}"
            poster = await self._fetch(self.pictures, url, _read_poster)
        return Description(_plain(details.overview), poster)

    async def aclose(self) -> None:
        """Close all connections."""
        await self.api.aclose()
        await self.pictures.aclose()

    async def _fetch(
        self, client: "AsyncClient", url: str, read: Callable[[Reply], T]
    ) -> T:
        pause = self.first_pause
        for attempt in range(N_ATTEMPTS):
            await self._turn()
            reply = await _get(client, url)
            if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
                self._hold(_requested_wait(reply, default=pause))
            else:
                try:
                    return read(reply)
                except (ValidationError, NoAnswerError) as error:
                    logger.info("%s: %d %s", url, reply.status, type(error).__name__)
                if attempt < N_ATTEMPTS - 1:
                    await asyncio.sleep(pause)
            pause *= 2
        raise NoAnswerError

    async def _turn(self) -> None:
        """Wait until the pace allows the next request."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self.next_turn)
        self.next_turn = turn + SECONDS_BETWEEN
        await asyncio.sleep(turn - now)

    def _hold(self, seconds: float) -> None:
        """Send nothing for some seconds."""
        if seconds > LONGEST_WAIT:
            raise RefusedError(f"TMDB asks to wait {seconds:.0f} s; come back then")
        until = asyncio.get_running_loop().time() + seconds
        self.next_turn = max(self.next_turn, until)


def _signature(key: SecretStr) -> dict[str, Any]:
    """Send a read access token as a header; TMDB reads an older key from the query."""
    secret = key.get_secret_value()
    if "." in secret:
        return {"headers": HEADERS | {"Authorization": f"Bearer {secret}"}}
    return {"headers": HEADERS, "params": {"api_key": secret}}


async def _get(client: "AsyncClient", url: str) -> Reply:
    """Send one request; stop reading a reply that is too large or too slow."""
    from httpx import HTTPError  # noqa: PLC0415 - as above

    content = b""
    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            client.stream("GET", url) as response,
        ):
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > LARGEST_REPLY:
                    return NO_REPLY
    except (HTTPError, TimeoutError) as error:
        logger.info("%s: %s", url, type(error).__name__)
        return NO_REPLY
    retry_after = response.headers.get("Retry-After", "")
    return Reply(response.status_code, content, retry_after)


def _read_details(reply: Reply) -> Details | None:
    """Read a movie's details; None if TMDB has no such movie."""
    if reply.status == HTTPStatus.NOT_FOUND:
        return None
    return Details.model_validate_json(_content(reply))


def _read_images_url(reply: Reply) -> str:
    """Read where images are."""
    return Configuration.model_validate_json(_content(reply)).images_url


def _read_poster(reply: Reply) -> bytes | None:
    """Read a poster; its first bytes must be those of a JPEG."""
    if reply.status == HTTPStatus.NOT_FOUND:
        return None
    content = _content(reply)
    if not content.startswith(JPEG):
        raise NoAnswerError
    return content


def _content(reply: Reply) -> bytes:
    """Tell an answer from a wrong key and a broken reply."""
    if reply.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise RefusedError(f"TMDB refuses the key; {KEY_ADVICE}")
    if reply.status != HTTPStatus.OK:
        raise NoAnswerError
    return reply.content


def _plain(overview: str | None) -> str | None:
    """Normalise a text; PostgreSQL and readers have no use for control characters."""
    spaced = "".join(
        " " if unicodedata.category(c) == "Cc" else c for c in overview or ""
    )
    return unicodedata.normalize("NFC", " ".join(spaced.split())) or None


def _requested_wait(reply: Reply, *, default: float) -> float:
    """Read `Retry-After` in seconds, the only form that TMDB sends."""
    return float(reply.retry_after) if reply.retry_after.isdecimal() else default
