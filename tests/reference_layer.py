"""A layer as training asks for it, by plain backpropagation sample by sample: slow, and beyond doubt."""

from __future__ import annotations

import numpy as np

import gradviz as gv
from gradviz.core.unroll import as_graph


class ReferenceLayer:
    def __init__(self, graph, batch=1, dtype=np.float64):
        self.graph = as_graph(graph)
        self.batch = batch
        leaves = self.graph.leaves
        self.parameters = {leaf.path: np.array(leaf.value, dtype) for leaf in leaves if leaf.op.name == "parameter"}
        self.learned = self.parameters.keys()
        data = [leaf for leaf in leaves if leaf.op.name == "data"]
        self.inputs = {leaf.path: leaf.shape for leaf in data}
        self.input_dtypes = {leaf.path: leaf.dtype if leaf.dtype.kind in "iub" else np.dtype(dtype) for leaf in data}
        self.shared = self.optional = frozenset()
        self.calls = 0

    def _samples(self, inputs):
        assert inputs.keys() == self.inputs.keys()
        if self.batch is None or not inputs:
            return [inputs]
        count = len(next(iter(inputs.values())))
        return [{name: array[index] for name, array in inputs.items()} for index in range(count)]

    def _at(self, sample):
        return self.parameters | sample

    def loss(self, **inputs):
        return np.mean([gv.evaluate(self.graph, self._at(sample)).output for sample in self._samples(inputs)])

    def gradients(self, **inputs):
        self.calls += 1
        values = [gv.backprop(self.graph, self._at(sample)) for sample in self._samples(inputs)]
        gradients = {
            name: np.mean([each.grad[name] for each in values], axis=0).astype(parameter.dtype)
            for name, parameter in self.parameters.items()
        }
        return float(np.mean([each.output for each in values])), gradients

    def step(self, learning_rate, **inputs):
        loss, gradients = self.gradients(**inputs)
        for name, gradient in gradients.items():
            self.parameters[name][...] -= learning_rate * gradient
        return loss

    def first_nonfinite(self, **inputs):
        found = (gv.evaluate(self.graph, self._at(sample)).first_nonfinite for sample in self._samples(inputs))
        return next(filter(None, found), None)
