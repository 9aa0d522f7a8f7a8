"""The project's own file formats: tables, shards, waveforms, checkpoints."""
