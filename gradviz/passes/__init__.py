"""Interpreters of a graph: values, labels, checks, steps. Know no picture."""
