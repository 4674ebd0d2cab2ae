"""`gradviz serve`: a page on this machine alone, that follows its script."""

import json
import queue
import signal
import socket
import subprocess
import sys
import threading
from http.client import HTTPConnection

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")

SCRIPT = "import gradviz as gv\nloss = gv.square(gv.param('w', 2.0) * 3.0).named('loss')\n"


class Serving:
    """A running `gradviz serve`."""

    def __init__(self, gradviz, *args):
        self.process = subprocess.Popen(
            gradviz.command("serve", *args),
            cwd=gradviz.folder,
            env=gradviz.environment(PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.address = self.process.stdout.readline().strip()
        self.port = int(self.address.rstrip("/").rpartition(":")[2]) if self.address else 0

    def _read(self):
        for line in self.process.stderr:
            self.said.put(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=20) == 0
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def get(self, path="/", host=None, method="GET"):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, headers={"Host": host or f"127.0.0.1:{self.port}"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    def until(self, text):
        while text not in (line := self.said.get(timeout=30)):
            pass
        return line

    def wait_for_version(self, version):
        for _ in range(200):
            if json.loads(self.get("/version")[2])["version"] >= version:
                return
            threading.Event().wait(0.05)
        raise AssertionError("the script was not drawn again")


def test_it_reloads_when_the_script_is_saved(gradviz, browser):
    gradviz.write("s.py", SCRIPT)
    with Serving(gradviz, "s.py") as serving:
        serving.wait_for_version(1)
        page = browser.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and errors.append(said.text))
        page.goto(serving.address)
        page.locator("#scrub").fill("1")
        gradviz.write("s.py", SCRIPT.replace("loss", "cost"))
        expect(page).to_have_title("cost", timeout=20_000)
        assert page.locator("#where").inner_text().startswith("Step 1 of")
        gradviz.write("s.py", "1/0\n")
        page.locator("#banner").wait_for(state="visible", timeout=20_000)
        assert "ZeroDivisionError" in page.locator("#banner").inner_text()
        assert page.title() == "cost"
        gradviz.write("s.py", SCRIPT)
        expect(page).to_have_title("loss", timeout=20_000)
        assert errors == []


def test_only_its_own_name_and_its_pages_are_answered(gradviz):
    gradviz.write("s.py", SCRIPT)
    gradviz.write("secret.txt", "secret")
    with Serving(gradviz, "s.py") as serving:
        serving.wait_for_version(1)
        assert serving.get()[0] == 200
        assert serving.get("/loss")[0] == 200
        assert serving.get(host=f"localhost:{serving.port}")[0] == 200
        for host in ("evil.example", f"evil.example:{serving.port}", "127.0.0.1", "127.0.0.1:1", ""):
            status, _, body = serving.get(host=host or "x")
            assert (status, "gradviz" in body) == (421, False), host
        for path in ("/secret.txt", "/../secret.txt", "/%2e%2e/secret.txt", "//etc/passwd", "/s.py", "/.", "/loss/"):
            status, _, body = serving.get(path)
            assert (status, "secret" in body) == (404, False), path
        status, headers, body = serving.get(method="HEAD")
        assert (status, body) == (200, "")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert serving.get(method="POST")[0] == 501
        with pytest.raises(OSError, match="refused|unreachable|timed out"):  # it listens on loopback alone
            socket.create_connection((other_address(), serving.port), timeout=3)


def other_address():
    """An address of this machine that is not loopback; where there is none, one that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return "192.0.2.1"


def test_several_graphs_and_an_expression(gradviz):
    gradviz.write("two.py", SCRIPT + "other = gv.sin(gv.param('<b>', 1.0)).named('<i>')\n")
    with Serving(gradviz, "two.py") as serving:
        serving.wait_for_version(1)
        index = serving.get()[2]
        assert '<a href="/loss">' in index
        assert "<i>" not in index
        assert serving.get("/loss")[0] == 200
    with Serving(gradviz, "-e", "x**2", "--at", "x=3") as serving:
        assert "x" in serving.get()[2]


def test_a_script_that_fails_at_first_waits(gradviz):
    gradviz.write("s.py", "1/0\n")
    with Serving(gradviz, "s.py") as serving:
        serving.until("ZeroDivisionError")
        assert "ZeroDivisionError" in serving.get()[2]
        gradviz.write("s.py", SCRIPT)
        serving.wait_for_version(2)
        assert "<title>loss</title>" in serving.get()[2]


def test_a_taken_port_is_one_clear_line(gradviz):
    gradviz.write("s.py", SCRIPT)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = gradviz("serve", "s.py", "--port", port)
    assert done.returncode == 2
    assert f"port {port} cannot be used" in done.stderr
    assert len(done.stderr.splitlines()) == 1
