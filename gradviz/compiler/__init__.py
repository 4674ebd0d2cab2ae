"""From a graph to a layer that runs: gradients as a graph, a plan of instructions, NumPy source, training."""
