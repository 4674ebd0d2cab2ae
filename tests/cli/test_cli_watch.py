"""`--watch`: what is saved is drawn again, errors are shown, and Ctrl-C ends it cleanly."""

import queue
import signal
import subprocess
import sys
import threading

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")

MAIN = "import gradviz as gv\nfrom rates import rate\nloss = (gv.param('w', 2.0) * rate).named('loss')\n"


class Watched:
    """A running `gradviz render --watch`, with its lines as they come."""

    def __init__(self, gradviz, *args):
        self.process = subprocess.Popen(
            gradviz.command("render", "main.py", "--watch", *args),
            cwd=gradviz.folder,
            env=gradviz.environment(PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def until(self, text):
        seen = []
        while True:
            line = self.lines.get(timeout=30)
            assert line is not None, f"it ended: {seen}"
            seen.append(line)
            if text in line:
                return seen

    def quiet(self, seconds=0.8):
        with pytest.raises(queue.Empty):
            self.lines.get(timeout=seconds)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=20)
        rest = []
        while (line := self.lines.get(timeout=5)) is not None:
            rest.append(line)
        self.process.stdout.close()
        return rest


def test_every_save_is_drawn_and_an_error_is_shown(gradviz):
    gradviz.write("rates.py", "rate = 3.0\n")
    gradviz.write("main.py", MAIN)
    gradviz.write("other.py", "")
    watched = Watched(gradviz, "--format", "json")
    try:
        watched.until("main.json")
        picture = gradviz.folder / "main.json"
        first = picture.read_text()
        watched.quiet()

        gradviz.write("rates.py", "rate = 4.0\n")  # the same length, within the same second
        watched.until("main.json")
        second = picture.read_text()
        assert second != first

        gradviz.write("other.py", "nobody imports this\n")
        watched.quiet()

        gradviz.write("rates.py", "rate = (\n")
        assert any("SyntaxError" in line for line in watched.until("gradviz: "))
        assert picture.read_text() == second
        gradviz.write("rates.py", "rate = 3.0\n")
        watched.until("main.json")
        assert picture.read_text() == first

        (gradviz.folder / "main.py").unlink()
        watched.until("there is no file 'main.py'")
        gradviz.write("main.py", MAIN.replace("2.0", "5.0"))
        watched.until("main.json")
        assert picture.read_text() not in {first, second}
    finally:
        rest = watched.interrupt()
    assert watched.process.returncode == 0
    assert rest == ["gradviz: watching has ended"]


def test_interrupted_in_the_middle_of_a_script(gradviz):
    gradviz.write("main.py", "import time\nprint('started', flush=True)\ntime.sleep(60)\n")
    watched = Watched(gradviz)
    watched.until("started")
    assert watched.interrupt() == ["gradviz: watching has ended"]
    assert watched.process.returncode == 0
