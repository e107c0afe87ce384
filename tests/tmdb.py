"""A local server that replies as The Movie Database documents its replies.

They follow https://developer.themoviedb.org: /reference/movie-details, the page of the
configuration, and the list of errors at /docs/errors. The server gives pictures to
anybody, and remembers whether a request for one carried a key.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "header.payload-of-a-read-access-token.signature"  # noqa: S105 - of this server
PICTURE = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
Reply = tuple[int, dict[str, str], bytes]
Script = Callable[[int, int], Reply]


def movie(tmdb_id: int, **changed: Any) -> Reply:
    """Describe a movie as TMDB does."""
    body = {
        "adult": False,
        "genres": [{"id": 16, "name": "Animation"}],
        "id": tmdb_id,
        "imdb_id": "tt0114709",
        "original_title": "Toy Story",
        "overview": f"What happens in movie {tmdb_id}.",
        "poster_path": f"/uXDfjJbdP4ijW5hWSBrPrlKpxa{tmdb_id}.jpg",
        "release_date": "1995-11-22",
        "status": "Released",
        "vote_average": 7.97,
        **changed,
    }
    return 200, {}, json.dumps(body).encode()


def failure(status: int, code: int, message: str, **headers: str) -> Reply:
    """Refuse as TMDB does."""
    body = {"success": False, "status_code": code, "status_message": message}
    return status, headers, json.dumps(body).encode()


def missing() -> Reply:
    """Say that there is no such movie."""
    return failure(404, 34, "The resource you requested could not be found.")


def too_many(seconds: int) -> Reply:
    """Ask to come back later."""
    message = "Your request count (41) is over the allowed limit of 40."
    return failure(429, 25, message, **{"Retry-After": str(seconds)})


def always(tmdb_id: int, _attempt: int) -> Reply:
    """Know every movie."""
    return movie(tmdb_id)


class Peer:
    """The server: the requests it received, and the script of its replies."""

    def __init__(self, site: str, script: Script) -> None:
        self.site = site
        self.url = f"{site}/3"
        self.script = script
        self.picture: Reply = (200, {}, PICTURE)
        self.seconds_per_byte = 0.0
        self.asked: Counter[int] = Counter()
        self.targets: list[str] = []
        self.has_leaked = False

    def reply(self, target: str, authorization: str | None) -> Reply:
        """Answer a request by the script, if its credentials are right."""
        self.targets.append(target)
        parts = urlsplit(target)
        if parts.path.startswith("/t/p/"):
            self.has_leaked |= authorization is not None or bool(parts.query)
            return self.picture
        keys = parse_qs(parts.query).get("api_key", [])
        if keys != [KEY] and authorization != f"Bearer {TOKEN}":
            return failure(401, 7, "Invalid API key: You must be granted a valid key.")
        if parts.path == "/3/configuration":
            images = {
                "base_url": f"{self.site}/t/p/",
                "secure_base_url": f"{self.site}/t/p/",
                "poster_sizes": ["w92", "w342", "original"],
            }
            return 200, {}, json.dumps({"images": images}).encode()
        tmdb_id = int(parts.path.removeprefix("/3/movie/"))
        self.asked[tmdb_id] += 1
        return self.script(tmdb_id, self.asked[tmdb_id])


@contextmanager
def serving(script: Script = always) -> Iterator[Peer]:
    """Serve on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            authorization = self.headers.get("Authorization")
            status, headers, content = peer.reply(self.path, authorization)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            size = 1 if peer.seconds_per_byte else len(content) or 1
            with suppress(ConnectionError):  # a client that has given up
                for start in range(0, len(content), size):
                    self.wfile.write(content[start : start + size])
                    time.sleep(peer.seconds_per_byte)

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # they wait for what a kept connection says next
    peer = Peer(f"http://127.0.0.1:{server.server_port}", script)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
