"""Full disks, read-only places, interrupts, kills, closed pipes: the old file stays, no traceback is seen."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from tools import no_room, start, wait_for, without_roots_privilege

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are other ones there")

OLD = "the old picture\n"
SLOW_WRITE = """\
import gradviz as gv, os, sys, time

loss = gv.square(gv.param("w", 1.0))

def slowly(*_):
    # The picture is half written now: say so, and wait to be ended.
    open("reached", "w").close()
    time.sleep(60)

os.fsync = os.replace = os.rename = slowly
"""


def test_a_read_only_folder(hinge):
    folder = hinge.folder / "closed"
    folder.mkdir()
    old = hinge.write("closed/old.svg", OLD)
    folder.chmod(0o555)
    try:
        hinge.refuses(
            "render",
            "hinge.py",
            "-o",
            "closed/old.svg",
            status=1,
            line="old.svg: Permission denied",
            preexec_fn=without_roots_privilege,
        )
    finally:
        folder.chmod(0o755)
    assert old.read_text() == OLD


def test_a_disk_that_is_full_while_writing(hinge):
    old = hinge.write("old.svg", OLD)
    hinge.refuses(
        "render",
        "hinge.py",
        "-o",
        "old.svg",
        status=1,
        line="old.svg",
        preexec_fn=partial(no_room, 6000),
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert old.read_text() == OLD
    assert {path.name for path in hinge.folder.iterdir()} == {"hinge.py", "old.svg"}


def test_a_full_device_as_stdout(hinge):
    with Path("/dev/full").open("w") as full:
        done = hinge("render", "hinge.py", "-o", "-", stdout=full)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr
    with Path("/dev/full").open("w") as full:
        assert hinge("examples", stdout=full).returncode == 1


def test_a_device_is_written_to_and_not_replaced(hinge):
    done = hinge("render", "hinge.py", "--format", "svg", "-o", "/dev/null")
    assert done.returncode == 0
    assert Path("/dev/null").is_char_device()


def test_a_link_stays_a_link(hinge):
    hinge.write("real.svg", OLD)
    link = hinge.folder / "link.svg"
    link.symlink_to("real.svg")
    assert hinge("render", "hinge.py", "-o", "link.svg").returncode == 0
    assert link.is_symlink()
    assert (hinge.folder / "real.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("command", [
    ["compile", "net.py"], ["render", "net.py", "--format", "svg"], ["render", "net.py", "--frames", "--format", "pdf"],
    ["explain", "net.py", "--wrt", "w", "--format", "json"], ["train", "net.py", "--epochs", "1"],
])  # fmt: skip
def test_the_sources_are_never_written_over(gradviz, command):
    program = "import os\nimport gradviz as gv\nfrom sub import helper\nos.chdir('sub')\n"
    script = gradviz.write("net.py", f"{program}w = gv.param('w', helper.value)\nloss = gv.square(w)\n")
    helper = gradviz.write("sub/helper.py", "value = 2.0\n")
    (gradviz.folder / "link.py").symlink_to("net.py")
    before = script.read_text(), helper.read_text()
    for given in ("net.py", "sub/../net.py", "link.py", "sub/helper.py"):
        line = f"{given} is the script itself, or a module that it imports"
        gradviz.refuses(*command, "-o", given, status=2, line=line)
    assert (script.read_text(), helper.read_text()) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_ended_while_writing(gradviz, number):
    gradviz.write("slow.py", SLOW_WRITE)
    old = gradviz.write("old.svg", OLD)
    process = start(gradviz, "render", "slow.py", "-o", "old.svg")
    wait_for((gradviz.folder / "reached").exists)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert old.read_text() == OLD
    assert out == ""
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert not err.strip()
        assert {path.name for path in gradviz.folder.iterdir()} == {"slow.py", "old.svg", "reached"}
    else:
        assert process.returncode == -number


def test_interrupted_while_the_script_runs(gradviz):
    gradviz.write("long.py", "import pathlib, time\npathlib.Path('reached').touch()\ntime.sleep(60)\n")
    process = start(gradviz, "render", "long.py")
    wait_for((gradviz.folder / "reached").exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize(
    "arguments",
    [["examples"], ["render", "hinge.py", "-o", "-"], ["render", "hinge.py"], ["--help"], ["doctor"]],
)
def test_a_reader_that_has_gone(hinge, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    done = hinge(*arguments, stdout=writing)
    os.close(writing)
    assert done.returncode in {1, 141}
    assert done.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
@pytest.mark.parametrize("arguments", [["render", "hinge.py"], ["examples"]])
def test_closed_streams(hinge, closed, arguments):
    line = f"{' '.join(hinge.command(*arguments))} {closed}"
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=hinge.folder,
        env=hinge.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (hinge.folder / "hinge.svg").exists() == (arguments[0] == "render")


def test_a_stderr_that_nobody_reads_does_not_change_the_status(hinge):
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        hinge.command("render", "missing.py"),
        cwd=hinge.folder,
        env=hinge.environment(),
        stderr=writing,
        check=False,
    )
    os.close(writing)
    assert process.returncode == 1


def test_ascii_streams_take_any_name(gradviz):
    gradviz.write(
        "权重.py",
        "import gradviz as gv\nprint('μ')\nmargin_μ = gv.log(gv.param('权重', -1.0)).named('损失')\n",
    )
    done = gradviz("render", "权重.py", "--json", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0, done.stderr
    assert "\\u6743" in done.stdout
    assert "\\u635f" in done.stderr
    assert (gradviz.folder / "权重.svg").exists()
    gradviz.refuses("render", "夜.py", status=1, line="\\u591c.py", env={"PYTHONIOENCODING": "ascii"})
    assert gradviz("examples", env={"PYTHONIOENCODING": "ascii"}).returncode == 0
    assert gradviz("doctor", env={"PYTHONIOENCODING": "ascii"}).returncode == 0


def test_an_unreadable_script(gradviz):
    gradviz.write("latin.py", "")
    (gradviz.folder / "latin.py").write_bytes(b"x = '\xff'\n")
    gradviz.refuses("render", "latin.py", status=1, line="latin.py:1")
