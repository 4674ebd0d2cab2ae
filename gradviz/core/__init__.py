"""Graphs and how they are built. Knows no primitive by name, no picture, no SymPy."""
