"""Results as rich renderables: pure functions of data, tested at a fixed width. Prints nothing but a progress bar."""
