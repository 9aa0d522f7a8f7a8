"""Audio: file formats, samples, and measurements of signals."""
