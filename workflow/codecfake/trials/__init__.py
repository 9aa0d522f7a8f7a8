"""Trials: protocols, training sets, conditions, evaluation sets and their waveforms."""
