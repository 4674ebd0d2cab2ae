"""What is pickled of a primitive: its name. To read it loads this package, which declares all that there are."""

from __future__ import annotations

import copyreg

from gradviz.core.primitive import CONSTANT, DATA, PARAMETER, REGISTRY, Primitive
from gradviz.errors import GraphError, user_location

_LEAVES = {leaf.name: leaf for leaf in (PARAMETER, DATA, CONSTANT)}


def declared(name: str) -> Primitive:
    """Return the primitive of a name, or the kind of leaf.

    Raises:
        GraphError: where a user's own is not declared.
    """
    found = _LEAVES.get(name) or REGISTRY.get(name)
    if found is None:
        raise GraphError(f"no primitive {name!r} is declared here", where=user_location(), hint="declare it first")
    return found


copyreg.pickle(Primitive, lambda op: (declared, (op.name,)))
