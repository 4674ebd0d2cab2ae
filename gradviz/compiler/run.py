"""A training in progress: where it stands, how it makes a step, and the way back to before a bad step."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from gradviz.compiler.history import History
from gradviz.compiler.optimizers import Optimizer
from gradviz.compiler.samples import Batch, Samples
from gradviz.compiler.schedules import Schedule
from gradviz.compiler.trainable import Trainable
from gradviz.compiler.weights import snapshot
from gradviz.core.graph import Array
from gradviz.errors import TrainingError, user_location


@dataclass
class Run:
    """What a training consists of, and how far it has come.

    Attributes:
        layer, samples, optimizer, schedule: its parts.
        size: the number of samples in a batch.
        seed: of the order of the samples; None for the order of the data.
        history: of the steps made.
        epoch: the number of epochs that are complete.
        done: the number of steps made in the epoch after them.
        best: the parameters after the best epoch, if they are kept.
    """

    layer: Trainable
    samples: Samples
    optimizer: Optimizer
    schedule: Schedule
    size: int
    seed: int | None
    history: History = field(default_factory=History)
    epoch: int = 0
    done: int = 0
    best: dict[str, Array] = field(default_factory=dict)

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches, the last of which may be smaller."""
        return math.ceil(self.samples.count / self.size)

    def batches(self, epoch: int, first: int) -> Iterator[Batch]:
        """Yield the batches of an epoch from one of them on.

        The order follows from the seed and the number of the epoch alone: there is no generator whose
        state would have to be saved, and any step can be made again.
        """
        order = None
        if self.seed is not None:
            order = np.random.default_rng((self.seed, epoch)).permutation(self.samples.count)
        return self.samples.batches(self.size, order, first)

    def advance(self, batch: Batch, rate: float) -> float:
        """Make a step, and return the loss before it."""
        if self.optimizer.plain:
            return float(self.layer.step(rate, **batch))
        loss, gradients = self.layer.gradients(**batch)
        self.optimizer.update(gradients, rate)
        return float(loss)

    def rate(self) -> float:
        """Return the learning rate of the next step."""
        step = self.history.steps
        rate = self.schedule(step)
        if not 0 <= rate < math.inf:
            raise TrainingError(f"the schedule gives the rate {rate} in step {step + 1}", where=user_location())
        return float(rate)

    def epoch_loss(self) -> float:
        """Return the mean loss of the samples of the epoch that was just made."""
        losses = self.history.last_losses(self.steps_per_epoch)
        last = self.samples.count - self.size * (len(losses) - 1)
        return (math.fsum(losses[:-1]) * self.size + losses[-1] * last) / self.samples.count

    def loss_over(self, samples: Samples) -> float:
        """Return the mean loss of other samples.

        Raises:
            TrainingError: where it is not finite, naming the node.
        """
        total = 0.0
        for start, batch in enumerate(samples.batches(self.size)):
            loss = self.layer.loss(**batch)
            if not math.isfinite(loss):
                made = self.layer.first_nonfinite(**batch)
                raise TrainingError(
                    f"the validation loss is {_kind(loss)} after epoch {self.epoch + 1}"
                    + (f": {made}" if made else ""),
                    where=user_location(),
                )
            total += loss * min(self.size, samples.count - start * self.size)
        return total / samples.count


class Rescue:
    """The last state that is known to be finite. From there, steps can be made again up to the last good one.

    A copy a second costs nothing, and no step is slowed down by looking at its parameters.
    """

    EVERY = 1.0  # seconds

    def __init__(self, run: Run) -> None:
        self._run = run
        self._arrays = dict(run.layer.parameters) | {f"\0{key}": one for key, one in run.optimizer.state.items()}
        bad = first_bad(run.layer.parameters)
        if bad is not None:
            raise TrainingError(f"the parameter {bad!r} is not finite before the first step", where=user_location())
        self._keep()

    def keep(self) -> None:
        """Remember the state as good, or stop at the step that made it bad.

        Raises:
            TrainingError: naming that step.
        """
        if first_bad(self._run.layer.parameters) is not None:
            self.stop()
        self._keep()

    def accept(self, what: str) -> None:
        """Remember the state as good after something else than steps has changed it.

        Raises:
            TrainingError: naming that where a parameter is not finite; it is put back.
        """
        parameters = self._run.layer.parameters
        bad = first_bad(parameters)
        if bad is not None:
            kind = _kind(parameters[bad])
            self._put_back()
            raise TrainingError(f"the parameter {bad!r} is {kind} by {what}", where=user_location())
        self._keep()

    def due(self, now: float) -> bool:
        """Whether the last copy is old."""
        return now - self._time > self.EVERY

    def _keep(self) -> None:
        run = self._run
        self._time = time.monotonic()
        self._copies = snapshot(self._arrays)
        self._start = (run.epoch, run.done, run.history.steps, run.optimizer.updates)

    def stop(self) -> None:
        """Put back the parameters of the last good step, and say what happened in the next.

        Raises:
            TrainingError: always.
        """
        run = self._run
        first = self._start[2]
        rates = run.history.rates[first:]
        bad = len(rates)
        for count, loss in enumerate(self._again(rates), start=1):
            if not math.isfinite(loss) or first_bad(run.layer.parameters) is not None:
                bad = count
                break
        for _ in self._again(rates[: bad - 1]):
            pass
        raise TrainingError(
            self._reason(first + bad), where=user_location(), hint="its parameters are kept; try a smaller rate"
        )

    def _again(self, rates: Array) -> Iterator[float]:
        """Go back, and make as many steps again as there are rates; yield the loss of each."""
        run = self._run
        epoch, done, _, run.optimizer.updates = self._start
        self._put_back()
        batches = run.batches(epoch, done)
        for rate in rates:
            batch = next(batches, None)
            if batch is None:
                epoch += 1
                batches = run.batches(epoch, 0)
                batch = next(batches)
            yield run.advance(batch, float(rate))

    def _put_back(self) -> None:
        for name, array in self._arrays.items():
            array[...] = self._copies[name]

    def _reason(self, step: int) -> str:
        """Say what is not finite in a step that is now to be made (counted from 1)."""
        run = self._run
        epoch, place = divmod(step - 1, run.steps_per_epoch)
        batch = next(run.batches(epoch, place))
        loss, gradients = run.layer.gradients(**batch)
        told = f"in step {step} (epoch {epoch + 1})"
        if not math.isfinite(loss):
            made = run.layer.first_nonfinite(**batch)
            return f"the loss is {_kind(loss)} {told}" + (f": {made}" if made else "")
        bad = first_bad(gradients)
        if bad is not None:
            return f"the gradient of {bad!r} is {_kind(gradients[bad])} {told}"
        return f"a parameter leaves the range of its dtype {told}"


def first_bad(arrays: Mapping[str, Array]) -> str | None:
    """Return the name of the first array that is not all finite."""
    return next((name for name, one in arrays.items() if not np.isfinite(one).all()), None)


def _kind(value: float | Array) -> str:
    return "NaN" if np.isnan(value).any() else "infinite"
