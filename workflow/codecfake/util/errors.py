"""Errors a user can cause. The CLI prints their message without a traceback and exits with 1."""


class CodecFakeError(Exception):
    """Base of every error whose message is meant for the user: it names the file or id, the value
    found and the values allowed."""


class ConfigError(CodecFakeError):
    """A config file has an unknown key, a missing key or a value that is not allowed."""


class DownloadError(CodecFakeError):
    """A file cannot be fetched, or is not the file its size and hash say."""


class AudioError(CodecFakeError):
    """Audio is missing, corrupt, empty, not finite or too short."""


class CheckpointError(CodecFakeError):
    """A checkpoint is missing, corrupt, or not of the model it is loaded into."""


class DataError(CodecFakeError):
    """A table, shard or split is not what its contract says."""
