"""The audit: cues other than codec artefacts that separate the classes of a set."""
