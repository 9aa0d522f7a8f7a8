"""File formats of the project: tables, shards, waveforms, checkpoints."""
