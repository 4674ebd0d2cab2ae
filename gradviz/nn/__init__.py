"""The lecture's layers, as graphs: each function reads like the slide's formula and builds nodes inside a scope.

They take values of one sample, as on the slide: vectors (n,), images (channels, height, width),
sequences (time, features). Nothing here knows how a graph is drawn, differentiated or compiled.
"""

from typing import Any

from gradviz.core.primitive import FUNCTIONS
from gradviz.errors import no_attribute
from gradviz.nn import initializers
from gradviz.nn.attention import attention, multi_head_attention
from gradviz.nn.autoencoder import Autoencoder, StackedAutoencoder, autoencoder, stacked_autoencoder
from gradviz.nn.capsule import capsule, squash
from gradviz.nn.cells import gru_cell, lstm_cell, rnn_cell
from gradviz.nn.convolution import avg_pool2d, conv2d, flatten, max_pool2d
from gradviz.nn.dense import dense
from gradviz.nn.embedding import embedding
from gradviz.nn.losses import (
    absolute_error,
    binary_cross_entropy,
    cross_entropy,
    hinge,
    huber,
    l2,
    multiclass_hinge,
    squared_error,
)
from gradviz.nn.normalization import layer_norm
from gradviz.nn.random_features import random_features
from gradviz.nn.recurrence import recurrent
from gradviz.nn.reservoir import reservoir, ridge_readout

__all__ = [
    "Autoencoder",
    "StackedAutoencoder",
    "absolute_error",
    "attention",
    "autoencoder",
    "avg_pool2d",
    "binary_cross_entropy",
    "capsule",
    "conv2d",
    "cross_entropy",
    "dense",
    "embedding",
    "flatten",
    "gru_cell",
    "hinge",
    "huber",
    "initializers",
    "l2",
    "layer_norm",
    "lstm_cell",
    "max_pool2d",
    "multi_head_attention",
    "multiclass_hinge",
    "random_features",
    "recurrent",
    "reservoir",
    "ridge_readout",
    "rnn_cell",
    "squared_error",
    "squash",
    "stacked_autoencoder",
]

_OF_OTHERS = {
    **dict.fromkeys(("linear", "Linear", "Dense"), "nn.dense"),
    **dict.fromkeys(("lstm", "LSTM", "gru", "GRU", "rnn", "RNN"), 'nn.recurrent(x, "lstm", hidden=8), or nn.lstm_cell'),
    **dict.fromkeys(("mse", "mse_loss", "MSELoss"), "nn.squared_error"),
    **dict.fromkeys(("mae", "l1_loss", "L1Loss"), "nn.absolute_error"),
    **dict.fromkeys(("bce_loss", "BCELoss", "BCEWithLogitsLoss"), "nn.binary_cross_entropy"),
}
"""What is called otherwise in other libraries, and here."""


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise no_attribute("gradviz.nn", name, {}, ())
    bare = name.removesuffix("Loss").lower()
    alike = {own.replace("_", ""): f"nn.{own}" for own in __all__}  # LayerNorm, CrossEntropyLoss
    elsewhere = {own: f"gv.{own}" for own in FUNCTIONS} | ({name: alike[bare]} if bare in alike else {}) | _OF_OTHERS
    raise no_attribute("gradviz.nn", name, elsewhere, __all__)
