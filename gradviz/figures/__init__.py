"""Views: a graph becomes a figure. Knows no Graphviz and no SVG."""
