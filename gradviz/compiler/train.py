"""Training: a layer's parameters follow the gradient of its loss over the samples of some data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from gradviz.compiler.checkpoint import Checkpoint
from gradviz.compiler.history import History
from gradviz.compiler.interrupt import TrainingInterrupted, held_back
from gradviz.compiler.optimizers import Optimizer, find_optimizer
from gradviz.compiler.run import Rescue, Run
from gradviz.compiler.samples import Data, Samples
from gradviz.compiler.schedules import Schedule, find_schedule
from gradviz.compiler.trainable import Trainable
from gradviz.compiler.weights import snapshot
from gradviz.errors import UsageError, user_location
from gradviz.terminal.progress import progress_bar

Callback = Callable[[Any, History], object]
_GLANCE = 0.1  # seconds between two looks at the clock's other duties


def fit(
    layer: Trainable,
    data: Data,
    *,
    optimizer: str | Optimizer = "sgd",
    learning_rate: float | None = None,
    epochs: int = 1,
    batch_size: int | None = None,
    online: bool = False,
    schedule: str | Schedule | None = None,
    shuffle: bool = True,
    seed: int = 0,
    validation: Data | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    progress: bool | None = None,
    callbacks: Callback | Sequence[Callback] = (),
) -> History:
    """Train a layer whose output is a loss.

    The same arguments give the same parameters, bit for bit, also when the training was interrupted
    and resumed from its checkpoint.

    Args:
        layer: the layer; its parameters are changed in place.
        data: arrays by the name of the input, or in the order of the inputs; the first axis counts the samples.
        optimizer: "sgd" (gradient descent), "momentum", "nesterov", "adam", or an `Optimizer`.
        learning_rate: η; by default the optimizer's: 0.01, for Adam 0.001.
        epochs: how often every sample is used, in all: a resumed training makes those that are left.
        batch_size: the number of samples in a step; by default what the layer was compiled for. The last
            batch of an epoch may be smaller. The number of all samples gives plain gradient descent.
        online: take the samples one by one, as ``batch_size=1``.
        schedule: "constant", "step", "exponential", "cosine" or "warmup", which lead the learning rate over
            the whole run; or a function from the number of the step (from 0) to the rate.
        shuffle: take the samples in another order in each epoch.
        seed: of these orders.
        validation: data whose loss is computed after each epoch.
        patience: stop when so many epochs in a row brought no lower loss (of the validation data if there
            are any), and put back the parameters of the best epoch, however the training ends.
        checkpoint: a file that holds the whole training; written at the start, every ten seconds and at the end.
        resume: go on from the checkpoint if the file is there.
        progress: None for a bar on stderr after a second, if it is a terminal; True or False for one, or none.
        callbacks: called as ``callback(layer, history)`` after each epoch; True ends the training.

    Returns:
        What happened.

    Raises:
        UsageError: for an option out of its range.
        TrainingError: for data that do not fit; when the loss, a gradient or a parameter is no longer
            finite: it names the step and the node, and the parameters are those before that step.
        FileError: for a checkpoint that cannot be read or written, or is of another training.
        TrainingInterrupted: on Ctrl-C (it is a KeyboardInterrupt): after a whole step, with the checkpoint
            written. It has the history.
    """
    options = {"batch_size": batch_size, "patience": patience}
    given = {name: value for name, value in options.items() if value is not None}
    _at_least(1, epochs=epochs, **given)
    _at_least(0, seed=seed)
    if layer.parameters and not layer.learned:
        hint = "compile it with wrt=… naming some; by default all do"
        raise UsageError("no parameter of the layer learns", where=user_location(), hint=hint)
    samples = Samples(layer, data)
    judged = None if validation is None else Samples(layer, validation, "the validation data")
    size = min(_batch_size(layer, batch_size, online), samples.count)
    steps = epochs * math.ceil(samples.count / size)
    chosen = find_optimizer(optimizer)
    chosen.start(layer.parameters)
    run = Run(
        layer, samples, chosen, _schedule(schedule, learning_rate, chosen, steps), size, seed if shuffle else None
    )
    saved = None if checkpoint is None else Checkpoint(checkpoint, run, validated=judged is not None)
    if saved is not None:
        if resume and saved.path.exists():
            saved.resume()
        saved.write()  # a folder that cannot be written to is found out now, and not in an hour
    called = [callbacks] if callable(callbacks) else list(callbacks)
    training = _Training(run, epochs, judged, patience, saved, called)
    with np.errstate(all="ignore"):  # what is not finite is found out and named
        training.go(progress)
    return run.history


class _Training:
    """A run with all that watches over it."""

    def __init__(
        self,
        run: Run,
        epochs: int,
        judged: Samples | None,
        patience: int | None,
        saved: Checkpoint | None,
        callbacks: Sequence[Callback],
    ) -> None:
        self.run = run
        self.epochs = epochs
        self.judged = judged
        self.patience = patience
        self.saved = saved
        self.callbacks = callbacks
        self.keeps_best = judged is not None or patience is not None or saved is not None
        self.rescue = Rescue(run)
        self.next_look = 0.0

    def go(self, progress: bool | None) -> None:
        """Make all steps, and leave the layer and the checkpoint as they shall be."""
        history = self.run.history
        with held_back() as pressed:
            try:
                with progress_bar(progress) as tell:
                    history.ended = ""
                    while not history.ended:
                        history.ended = self._reason_to_end() or self._epoch(tell, pressed)
                self.rescue.keep()
                if self.saved is not None:
                    self.saved.write()
            finally:
                if self.patience is not None and self.run.best:
                    for name, best in self.run.best.items():
                        self.run.layer.parameters[name][...] = best
            if pressed():
                history.ended = "interrupted"
                raise TrainingInterrupted(history)

    def _reason_to_end(self) -> str:
        if self.run.epoch >= self.epochs:
            return "done"
        if self.patience is not None and self.run.epoch - self.run.history.best_epoch >= self.patience:
            return "patience"
        return ""

    def _epoch(self, tell: Callable[[str, int, int], None], pressed: Callable[[], bool]) -> str:
        """Make the steps that are left of an epoch; return why no other shall follow, if so."""
        run, history = self.run, self.run.history
        start = time.monotonic()
        for batch in run.batches(run.epoch, run.done):
            rate = run.rate()
            loss = run.advance(batch, rate)
            history.add_loss(loss)
            history.add_rate(rate)
            run.done += 1
            if not math.isfinite(loss):
                self.rescue.stop()
            now = time.monotonic()
            if now > self.next_look:
                self._look(now, tell)
            if pressed():
                return "interrupted"
        validation = None if self.judged is None else run.loss_over(self.judged)
        history.add_epoch(run.epoch_loss(), validation, time.monotonic() - start)
        run.epoch, run.done = run.epoch + 1, 0
        if self.keeps_best and history.best_epoch == run.epoch:
            run.best = snapshot(run.layer.parameters)
        if not self.callbacks:
            return ""
        self.rescue.keep()  # steps are made again without callbacks, so never across what these may change
        ends = [callback(run.layer, history) is True for callback in self.callbacks]
        self.rescue.accept(f"the callbacks after epoch {run.epoch}")
        return "callback" if any(ends) else ""

    def _look(self, now: float, tell: Callable[[str, int, int], None]) -> None:
        """Do what is to be done now and then: show the loss, remember the state, write the checkpoint."""
        run, history = self.run, self.run.history
        self.next_look = now + _GLANCE
        recent = fmean(history.last_losses(min(run.steps_per_epoch, 100)))
        what = f"epoch {run.epoch + 1}/{self.epochs}  loss {recent:.4g}"
        if len(history.validation):
            what += f"  validation {history.validation[-1]:.4g}"
        tell(what, history.steps, self.epochs * run.steps_per_epoch)
        if self.rescue.due(now):
            self.rescue.keep()
        if self.saved is not None and self.saved.due(now):
            self.rescue.keep()  # what is not finite is never saved
            self.saved.write()


def _batch_size(layer: Trainable, given: int | None, online: bool) -> int:
    if online or layer.batch is None:
        if given not in {None, 1}:
            why = "online=True takes" if online else "a layer compiled without batch=… takes"
            raise UsageError(f"batch_size={given}: {why} one sample a step", where=user_location())
        return 1
    return given or layer.batch


def _schedule(given: str | Schedule | None, rate: float | None, optimizer: Optimizer, steps: int) -> Schedule:
    number = isinstance(rate, (int, float, np.number)) and not isinstance(rate, bool)
    if rate is not None and not (number and 0 < rate < math.inf):
        raise UsageError(f"learning_rate={rate!r}: a number above 0 is wanted", where=user_location())
    if callable(given) and rate is not None:
        raise UsageError(
            "a schedule that is a function gives the rate itself: leave out learning_rate", where=user_location()
        )
    return find_schedule(given, optimizer.rate if rate is None else rate, steps)


def _at_least(least: int, **options: int) -> None:
    for name, value in options.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not (whole and value >= least):
            raise UsageError(f"{name}={value!r}: a whole number, {least} or more, is wanted", where=user_location())
