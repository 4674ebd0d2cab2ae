"""Doors to other libraries. Each file is loaded only when it is used."""
