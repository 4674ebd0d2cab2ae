"""A server of pages on this machine alone: what it serves is in its memory, no file is ever read for a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote, unquote, urlsplit

from gradviz.errors import UsageError

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class PageServer:
    """Serves pages by name, and their version, until it is closed.

    Args:
        port: on which; 0 for any that is free.

    Raises:
        UsageError: for a port that is taken, or not for this user.
    """

    def __init__(self, port: int) -> None:
        self._pages: dict[str, str] = {}
        self._version = 0
        self._error = ""
        try:
            self._http = _Http((HOST, port), self)
        except OSError as error:
            what = f"port {port} cannot be used: {error.strerror}"
            raise UsageError(what, hint="choose another one with --port, or leave it out") from None
        self._thread = Thread(target=self._http.serve_forever, name="gradviz serve", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self._http.server_port}/"

    def show(self, pages: Mapping[str, str]) -> None:
        """Serve these pages from now on."""
        self._pages, self._error = dict(pages), ""
        self._version += 1

    def fail(self, error: str) -> None:
        """Keep the pages, and tell their readers what is wrong."""
        self._error = error
        if not self._pages:
            self._version += 1

    def close(self) -> None:
        """End it."""
        self._http.shutdown()
        self._http.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str, str]:
        """Return status, type and body for a path."""
        name = unquote(urlsplit(path).path).removeprefix("/")
        if name == "version":
            state = {"version": self._version, "error": self._error}
            return HTTPStatus.OK, "application/json", json.dumps(state)
        if not name and len(self._pages) == 1:
            return HTTPStatus.OK, "text/html", next(iter(self._pages.values()))
        if not name:
            return HTTPStatus.OK, "text/html", self._index()
        if name in self._pages:
            return HTTPStatus.OK, "text/html", self._pages[name]
        return HTTPStatus.NOT_FOUND, "text/plain", "there is no such page\n"

    def allows(self, host: str | None) -> bool:
        """Whether a request's Host header is this server's: another name that leads here may be an attack."""
        return host in {f"{name}:{self._http.server_port}" for name in _NAMES}

    def _index(self) -> str:
        links = "".join(f'<li><a href="/{quote(name, safe="")}">{escape(name)}</a></li>' for name in self._pages)
        waiting = f'<meta http-equiv="refresh" content="1"><title>gradviz waits</title><pre>{escape(self._error)}</pre>'
        return (
            '<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
            """<meta http-equiv="Content-Security-Policy" content="default-src 'none'">"""
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"{f'<title>gradviz</title><h1>gradviz</h1><ul>{links}</ul>' if links else waiting}"
        )


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], pages: PageServer) -> None:
        self.pages = pages
        super().__init__(address, _Handler)

    def handle_error(self, *_: object) -> None:
        """Say nothing of readers that have gone."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    server_version = "gradviz"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        """Answer with a page."""
        if self.server.pages.allows(self.headers.get("Host")):
            status, kind, body = self.server.pages.answer(self.path)
        else:
            status, kind, body = HTTPStatus.MISDIRECTED_REQUEST, "text/plain", "this server has another name\n"
        data = body.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in {"Content-Type": f"{kind}; charset=utf-8", **_HEADERS}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def log_message(self, *_: object) -> None:
        """Keep the terminal for the script's own errors."""
