"""A real browser for the tests of the page."""

from __future__ import annotations

from contextlib import contextmanager

from playwright.sync_api import sync_playwright
from tools import need


@contextmanager
def chromium():
    """Start Chromium."""
    program = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Opened:
    """A page that is open, and what went wrong in it."""

    def __init__(self, browser, path, width=1200, height=900, **options):
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.page.on("dialog", lambda dialog: (self.errors.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.set_default_timeout(5000)
        self.page.goto(path.as_uri())

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        if kind is None:
            assert not self.errors
            assert len(self.requests) == 1, f"the page asked for {self.requests[1:]}"

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def found(self):
        """All that the page has computed: {"f": {node: value}, "g": …, "c": {edge: value}, …}."""
        return self.page.evaluate(
            "() => { const plain = v => typeof v === 'number' ? v : {shape: v.shape, data: [...v.data]};"
            "const one = of => Object.fromEntries(Object.entries(of).map(([key, v]) => [key, plain(v)]));"
            "const edges = Object.keys(program.passed);"
            "const d = Object.fromEntries(edges.map(edge => [edge, walk.number('d' + edge)]));"
            "return {f: one(walk.found.f), g: one(walk.found.g), c: one(walk.found.c), d: one(d)}; }"
        )

    def figure(self):
        """The numbers that the figure shows, read out of its outlines: {"f3": "0.6", …}; "·" for nothing yet."""
        return self.page.evaluate(
            "() => { const chars = Object.fromEntries(Object.entries(graph.pieces).map(([c, [id]]) => ['#' + id, c]));"
            "return Object.fromEntries(labels.map(({group, shows, prefix}) => [shows,"
            "[...group.children].slice(prefix).filter(part => part.tagName === 'use')"
            ".map(part => chars[part.getAttribute('href')]).join('')])); }"
        )
