"""Parameters in files: the safetensors format, which holds arrays and no code; checked before anything changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradviz.compiler.trainable import Parametrized
from gradviz.core.files import write_atomically
from gradviz.core.graph import Array
from gradviz.errors import FileError, UsageError, did_you_mean, user_location

_KEY = "gradviz"
CHECKPOINT = "checkpoint"
WEIGHTS = "weights"
_RESERVED = "__metadata__"


_OTHERS = {".npz", ".npy", ".pt", ".pth", ".h5", ".hdf5", ".pkl", ".pickle", ".onnx", ".json"}


def check_suffix(path: str | Path) -> None:
    """Refuse a file name that promises the format of another library.

    Raises:
        UsageError: with the name to give.
    """
    given = Path(path)
    if given.suffix.lower() in _OTHERS:
        own = given.with_suffix(".safetensors").name
        what = f"parameters are written as safetensors, not {given.suffix}"
        raise UsageError(what, where=user_location(), hint=f"name it {own}")


def save(layer: Parametrized, path: str | Path) -> Path:
    """Write a layer's parameters to a file, whole or not at all, and return its path.

    Raises:
        FileError: when it cannot be written; what was there is as it was.
        UsageError: for a name that ends like another library's files, or a parameter's that files cannot have.
    """
    check_suffix(path)
    if _RESERVED in layer.parameters:
        raise UsageError(f"no array of a file can be called {_RESERVED!r}", where=user_location(), hint="rename it")
    write_tensors(path, layer.parameters, {"kind": WEIGHTS})
    return Path(path)


def load(layer: Parametrized, path: str | Path) -> None:
    """Put the parameters of a file into a layer.

    A checkpoint of a training will do: the best parameters that it holds are taken. Names, shapes and
    dtypes must be those of the layer, else nothing is changed.

    Raises:
        FileError: for a file that cannot be read or is not of this format, naming the first difference
            if its arrays are not those of the layer.
    """
    tensors, facts = read_tensors(path)
    if facts.get("kind") == CHECKPOINT:
        tensors = group(tensors, "best") or group(tensors, "parameters")
    copy_into(layer.parameters, tensors, str(path))


def write_tensors(path: str | Path, tensors: Mapping[str, Array], facts: Mapping[str, Any]) -> None:
    """Write arrays by name and facts about them, whole or not at all; the same bytes for the same content."""
    from safetensors.numpy import save as to_bytes

    # One key alone: the library writes several in an order of chance.
    metadata = {_KEY: json.dumps(dict(facts), sort_keys=True, default=np.generic.item)}
    # A copy in C order: the library writes memory as it lies. (np.ascontiguousarray would give 0-d an axis.)
    try:
        write_atomically(path, to_bytes({name: one.copy(order="C") for name, one in tensors.items()}, metadata))
    except FileError as error:
        error.where = user_location()
        raise


def read_tensors(path: str | Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays of a file by name, and the facts it tells about them.

    Raises:
        FileError: for a file that cannot be read, is cut short, or is of another format.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}", where=user_location()) from None
    except ValueError as error:  # a character that no name of a file has
        raise FileError(f"cannot read {str(path)!r}: {error}", where=user_location()) from None
    try:
        tensors = from_bytes(data)
    except SafetensorError as error:
        raise FileError(
            f"{path} is cut short or no safetensors file: {error}", where=user_location(), hint="save it again"
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{path} holds arrays of a dtype that NumPy lacks: {error}", where=user_location()) from None
    return tensors, _facts(data)


def _facts(data: bytes) -> dict[str, Any]:
    """Return what `write_tensors` has noted; nothing for a file of another program's."""
    length = int.from_bytes(data[:8], "little")  # the header's, which is JSON
    noted = json.loads(data[8 : 8 + length]).get(_RESERVED) or {}
    try:
        facts = json.loads(noted.get(_KEY, "{}"))
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def group(tensors: Mapping[str, Array], kind: str) -> dict[str, Array]:
    """Return the arrays whose names begin with ``kind/``, without that."""
    start = f"{kind}/"
    return {name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)}


def copy_into(targets: Mapping[str, Array], tensors: Mapping[str, Array], path: str) -> None:
    """Copy arrays into those of the same names, all of them or none.

    Raises:
        FileError: naming the first difference in names, shapes or dtypes.
    """
    _compare(targets, tensors, path)
    for name, target in targets.items():
        target[...] = tensors[name]


def _compare(targets: Mapping[str, Array], tensors: Mapping[str, Array], path: str) -> None:
    for name, target in targets.items():
        if name not in tensors:
            spare = sorted(tensors.keys() - targets.keys())
            hint = did_you_mean(name, spare, f"it has {', '.join(spare[:3])}") if spare else None
            raise FileError(f"{path} has no {name!r}", where=user_location(), hint=hint)
        found = tensors[name]
        if found.shape != target.shape:
            raise FileError(
                f"{name!r} has shape {found.shape} in {path}, and {target.shape} in the layer", where=user_location()
            )
        if found.dtype != target.dtype:
            possible = found.dtype in (np.float32, np.float64)
            hint = f"compile the layer with dtype={str(found.dtype)!r}" if possible else None
            raise FileError(
                f"{name!r} is {found.dtype} in {path}, and {target.dtype} in the layer",
                where=user_location(),
                hint=hint,
            )
    for name in tensors:
        if name not in targets:
            raise FileError(f"{path} has {name!r}, which the layer has not", where=user_location())


def snapshot(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return copies of arrays."""
    return {name: np.array(one) for name, one in arrays.items()}
