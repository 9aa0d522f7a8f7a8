"""Training of detectors, tracers and miniature codecs."""
