"""Drawing: a figure becomes a scene, and a scene a file. Knows no primitive."""
