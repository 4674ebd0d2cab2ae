"""The time limit of SymPy, and Ctrl-C while it runs."""

import signal

import pytest
import sympy

from gradviz.passes.zero import time_limit


@pytest.mark.parametrize("inside", [True, False])
def test_an_interrupt_waits_for_where_it_cannot_be_swallowed(inside):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = []

    def run():
        with time_limit(60):
            signal.raise_signal(signal.SIGINT)
            reached.append("after the signal")
            if inside:
                sympy.simplify(sympy.Symbol("x") ** 2 + 1)
                reached.append("after SymPy")

    try:
        with pytest.raises(KeyboardInterrupt):
            run()
        assert reached == ["after the signal"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
