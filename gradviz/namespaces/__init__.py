"""The namespaces ``xp`` that a declaration runs under. Each has the vocabulary of `numpy`'s ``__all__``."""
