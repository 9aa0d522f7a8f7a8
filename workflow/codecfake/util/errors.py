"""Errors that a user can cause. The CLI prints the message without a traceback and exits with code 1."""


class CodecFakeError(Exception):
    """Base of all errors for the user; their messages name the file or id, the value found and the values allowed."""


class ConfigError(CodecFakeError):
    """A config file has an unknown key, a missing key or a value that is not allowed."""


class DownloadError(CodecFakeError):
    """A file cannot be fetched, or its size or hash is wrong."""


class AudioError(CodecFakeError):
    """Audio is missing, corrupt, empty, not finite or too short."""


class CheckpointError(CodecFakeError):
    """A checkpoint is missing, corrupt, or belongs to another model."""


class DataError(CodecFakeError):
    """A table, shard or split violates its specification."""
