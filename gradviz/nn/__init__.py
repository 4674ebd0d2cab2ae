"""The lecture's layers, as graphs: each function reads like the slide's formula and builds nodes inside a scope.

They take values of one sample, as on the slide: vectors (n,), images (channels, height, width),
sequences (time, features). Nothing here knows how a graph is drawn, differentiated or compiled.
"""

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
