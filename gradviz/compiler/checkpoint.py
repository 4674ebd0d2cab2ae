"""Checkpoints: all of a training in one file, from which it goes on to the same bits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.compiler.run import Run, first_bad
from gradviz.compiler.weights import CHECKPOINT, check_suffix, copy_into, group, read_tensors, write_tensors
from gradviz.core.graph import Array
from gradviz.errors import FileError, user_location


class Checkpoint:
    """The file that a run is saved to.

    Args:
        path: the file.
        validated: whether the run has validation data.

    Raises:
        UsageError: for a name that ends like another library's files.
    """

    EVERY = 10.0  # seconds

    def __init__(self, path: str | Path, run: Run, *, validated: bool) -> None:
        check_suffix(path)
        self.path = Path(path)
        self._run = run
        self._time = 0.0
        self._settings: dict[str, Any] = {
            "optimizer": run.optimizer.settings,
            "samples": run.samples.count,
            "batch_size": run.size,
            "seed": run.seed,
            "validation": validated,
        }

    def due(self, now: float) -> bool:
        """Whether the last one is old."""
        return now - self._time > self.EVERY

    def write(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            FileError: when it cannot be written; the one before is as it was.
        """
        run = self._run
        parts = {
            "parameters": run.layer.parameters,
            "best": run.best,
            "optimizer": run.optimizer.state,
            "history": run.history.columns(),
        }
        tensors = {f"{part}/{name}": one for part, arrays in parts.items() for name, one in arrays.items()}
        facts = {
            "kind": CHECKPOINT,
            "epoch": run.epoch,
            "done": run.done,
            "updates": run.optimizer.updates,
            "settings": self._settings,
        }
        write_tensors(self.path, tensors, facts)
        self._time = time.monotonic()

    def resume(self) -> None:
        """Put the run where the file says; nothing is changed if the file is of another training.

        Raises:
            FileError: for a file that is no checkpoint or not whole, or one of other parameters or settings.
        """
        tensors, facts = read_tensors(self.path)
        anew = "resume=False replaces it; without the file, too, it starts anew"
        if facts.get("kind") != CHECKPOINT:
            raise FileError(f"{self.path} is no checkpoint of a training", where=user_location(), hint=anew)
        settings = facts.get("settings")
        for name, wanted in self._settings.items():
            found = settings.get(name) if isinstance(settings, dict) else None
            if found != wanted:
                raise FileError(
                    f"{self.path} was written with {name}={found}, and not {wanted}", where=user_location(), hint=anew
                )
        run = self._run
        targets = {f"parameters/{name}": one for name, one in run.layer.parameters.items()}
        targets |= {f"optimizer/{name}": one for name, one in run.optimizer.state.items()}
        parts = ("parameters/", "optimizer/")
        damage = self._damage(tensors, facts)
        if damage:
            raise FileError(f"{self.path} is no whole checkpoint: {damage}", where=user_location(), hint=anew)
        copy_into(targets, {key: one for key, one in tensors.items() if key.startswith(parts)}, str(self.path))
        run.best = group(tensors, "best")
        run.history.restore(group(tensors, "history"))
        run.epoch, run.done, run.optimizer.updates = facts["epoch"], facts["done"], facts["updates"]

    def _damage(self, tensors: Mapping[str, Array], facts: Mapping[str, Any]) -> str:
        """Say what cannot be so in a file that this class has written; "" for nothing."""
        run = self._run
        places = [facts.get(name) for name in ("epoch", "done", "updates")]
        epoch, done, updates = (place if type(place) is int else -1 for place in places)
        if min(epoch, done, updates) < 0 or done > run.steps_per_epoch:
            return "it does not say where the training was"
        steps = epoch * run.steps_per_epoch + done
        lengths = {"losses": steps, "rates": steps, "validation": epoch if self._settings["validation"] else 0}
        history = group(tensors, "history")
        for name in run.history.columns():
            column = history.get(name)
            if column is None or column.dtype != np.float64 or column.shape != (lengths.get(name, epoch),):
                return f"its history of {epoch} epochs has other {name.replace('_', ' ')}"
        best = group(tensors, "best")
        if best and _kinds(best) != _kinds(run.layer.parameters):
            return "its best parameters are not those of the layer"
        bad = first_bad(group(tensors, "parameters"))
        return f"the parameter {bad!r} is not finite" if bad else ""


def _kinds(arrays: Mapping[str, Array]) -> dict[str, tuple[Any, ...]]:
    return {name: (one.shape, one.dtype) for name, one in arrays.items()}
