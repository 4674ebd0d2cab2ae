"""What happened in training: the losses, the rates, the time; as numbers, as JSON, as a curve."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.core.graph import Array

if TYPE_CHECKING:
    from gradviz.draw.plot import Plot

_COLUMNS = ("losses", "rates", "epoch_losses", "validation", "seconds")


class History:
    """The course of a training; what `Layer.fit` returns.

    Epochs and steps are counted from 1 wherever they are told.

    Attributes:
        ended: why it came to its end: "done" (all epochs), "patience" (no better for so many epochs),
            "callback" (one asked for it), or "interrupted"; "" while it goes on.
    """

    def __init__(self) -> None:
        self._columns = {name: array("d") for name in _COLUMNS}
        self.add_loss = self._columns["losses"].append
        self.add_rate = self._columns["rates"].append
        self.ended = ""

    @property
    def losses(self) -> Array:
        """The loss of each step's batch, before the step."""
        return np.array(self._columns["losses"])

    @property
    def rates(self) -> Array:
        """The learning rate of each step."""
        return np.array(self._columns["rates"])

    @property
    def epoch_losses(self) -> Array:
        """The mean loss of each epoch's samples, while the parameters moved."""
        return np.array(self._columns["epoch_losses"])

    @property
    def validation(self) -> Array:
        """The loss of the validation data after each epoch; empty if there are none."""
        return np.array(self._columns["validation"])

    @property
    def seconds(self) -> Array:
        """How long each epoch took."""
        return np.array(self._columns["seconds"])

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self._columns["losses"])

    @property
    def epochs(self) -> int:
        """The number of whole epochs."""
        return len(self._columns["epoch_losses"])

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch, by the validation data or else by the epoch's loss; 0 if there is none."""
        judged = self._columns["validation"] or self._columns["epoch_losses"]
        return 1 + int(np.argmin(judged)) if judged else 0

    def add_epoch(self, loss: float, validation: float | None, seconds: float) -> None:
        """Note an epoch that has come to its end."""
        self._columns["epoch_losses"].append(loss)
        self._columns["seconds"].append(seconds)
        if validation is not None:
            self._columns["validation"].append(validation)

    def last_losses(self, count: int) -> array[float]:
        """Return the losses of the last steps."""
        return self._columns["losses"][-count:]

    def columns(self) -> dict[str, Array]:
        """Return all numbers by name, for a checkpoint."""
        return {name: np.array(column) for name, column in self._columns.items()}

    def restore(self, columns: Mapping[str, Array]) -> None:
        """Take over the numbers of a checkpoint."""
        for name, column in self._columns.items():
            column[:] = array("d", columns[name].tolist())

    def to_json(self) -> str:
        """Return everything as JSON.

        Example:
            >>> history = History()
            >>> history.add_loss(0.5); history.add_rate(0.1); history.add_epoch(0.5, None, 0.01)
            >>> json.loads(history.to_json())["epoch_losses"]
            [0.5]
        """
        facts: dict[str, Any] = {
            "epochs": self.epochs,
            "steps": self.steps,
            "ended": self.ended,
            "best_epoch": self.best_epoch,
        }
        return json.dumps(facts | {name: column.tolist() for name, column in self._columns.items()})

    def plot(self, path: str | Path | None = None, *, theme: str = "slide") -> Plot:
        """Draw the loss over the epochs (over the steps, if there is but one epoch), and save it if asked to.

        Args:
            path: a file: .svg, .png or .pdf.
            theme: the colors.

        Raises:
            DrawError: when matplotlib is not installed: it is the extra ``plot``.
            FileError: when the file cannot be written.
        """
        from gradviz.draw.plot import Plot

        with Plot(theme=theme) as plot:
            self._draw(plot)
        if path is not None:
            plot.save(path)
        return plot

    def _draw(self, plot: Plot) -> None:
        axes, colors = plot.axes, plot.theme
        whole = self.epochs > 1
        curve = self.epoch_losses if whole else self.losses
        axes.plot(range(1, len(curve) + 1), curve, color=colors.forward, linestyle="-", label="training")
        shown = [curve]
        if whole and len(self.validation):
            best = self.best_epoch
            places = range(1, self.epochs + 1)
            axes.plot(places, self.validation, color=colors.backward, linestyle="--", label="validation")
            lowest = self.validation[best - 1]
            axes.plot(best, lowest, "o", color=colors.backward, label=f"best: epoch {best}", clip_on=False)
            axes.legend()
            shown.append(self.validation)
        numbers = np.concatenate(shown)
        if len(numbers) and numbers.min() > 0 and numbers.max() > 100 * numbers.min():
            axes.set_yscale("log")
        axes.set_xlabel("epoch" if whole else "step")
        axes.set_ylabel("loss")
        axes.locator_params(axis="x", integer=True)

    def __repr__(self) -> str:
        if not self.steps:
            return "<history: no step yet>"
        curve = self.epoch_losses if self.epochs else self.losses
        parts = [
            f"{_count(self.epochs, 'epoch')}, {_count(self.steps, 'step')}",
            f"loss {curve[0]:.4g} → {curve[-1]:.4g}",
        ]
        if len(self.validation):
            best = self.best_epoch
            parts.append(f"validation {self.validation[-1]:.4g}, best {self.validation[best - 1]:.4g} in epoch {best}")
        parts.append(f"{math.fsum(self.seconds):.3g} s")
        if self.ended not in {"", "done"}:
            parts.append(f"ended by {self.ended}" if self.ended != "interrupted" else "interrupted")
        return f"<history: {'; '.join(parts)}>"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")
