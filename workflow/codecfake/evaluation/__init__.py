"""Evaluation: scores, metrics, the EER matrix, source tracing."""
