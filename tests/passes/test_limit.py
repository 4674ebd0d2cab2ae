"""The time limit of SymPy, and Ctrl-C while it runs."""

import itertools
import signal
import sys
import threading
import time

import pytest
import sympy
from mpmath.libmp import from_int, libhyper

from gradviz.passes.limit import TimeIsUpError, time_limit

X = sympy.Symbol("x")


def count_for_ever():
    for number in itertools.count():
        sympy.Integer(number)


def sum_for_ever():
    """Loop in mpmath, without a call: the series of erf, with many terms of many digits."""
    libhyper.mpf_erf(from_int(1000), 3_000_000)


def limited(run=count_for_ever, seconds=0.05):
    """Run it within a limit, and return how long that took."""
    start = time.monotonic()
    with pytest.raises(TimeIsUpError), time_limit(seconds):
        run()
    return time.monotonic() - start


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    assert sys.gettrace() is None
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_what_is_done_in_time_runs_without_a_hook():
    with time_limit(60):
        assert sys.gettrace() is None
        assert sympy.expand((X + 1) ** 2) == X**2 + 2 * X + 1


@pytest.mark.parametrize("run", [count_for_ever, sum_for_ever])
def test_it_stops(run):
    assert limited(run) < 5


def test_the_tracer_is_the_debuggers_again():
    def tracer(*_):
        return None

    sys.settrace(tracer)
    try:
        limited()
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(None)


def test_it_stops_in_another_thread():
    took = []
    thread = threading.Thread(target=lambda: took.append(limited()))
    thread.start()
    thread.join()
    assert took[0] < 5


@pytest.mark.parametrize("timer", [0, 60])
def test_it_stops_where_the_timer_is_somebody_elses(timer):
    def alarm(*_):
        pass

    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, timer)
    try:
        assert limited() < 5
        assert signal.getsignal(signal.SIGALRM) is alarm
        assert bool(signal.getitimer(signal.ITIMER_REAL)[0]) == bool(timer)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_a_limit_within_a_limit():
    with time_limit(60):
        assert limited() < 5
        assert sympy.expand((X + 1) * X) == X**2 + X


def test_the_outer_limit_is_over_before_the_inner_one():
    reached = []

    def both():
        with time_limit(60):
            time.sleep(0.1)
            reached.append("the inner one's end")
        count_for_ever()

    assert limited(both) < 5
    assert reached == ["the inner one's end"]


def test_an_error_of_the_code_itself_goes_through():
    with pytest.raises(ZeroDivisionError), time_limit(60):
        _ = 1 // 0


@pytest.mark.parametrize("inside", [True, False])
def test_an_interrupt_waits_for_where_it_cannot_be_swallowed(inside):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = []

    def run():
        with time_limit(60):
            signal.raise_signal(signal.SIGINT)
            reached.append("after the signal")
            if inside:
                sympy.simplify(X**2 + 1)
                reached.append("after SymPy")

    try:
        with pytest.raises(KeyboardInterrupt):
            run()
        assert reached == ["after the signal"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
