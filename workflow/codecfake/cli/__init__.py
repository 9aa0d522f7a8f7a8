"""The command line. The user's verbs come first, then those that rules call."""

import argparse
import contextlib
import fcntl
import os
import sys
import warnings

from codecfake import __version__
from codecfake.cli import (
    audit,
    basic,
    detectors,
    ingest,
    miniatures,
    quality,
    release,
    rules,
    samples,
    scores,
    tracing,
)
from codecfake.errors import CodecFakeError

# Third-party imports of hundreds of milliseconds are made inside the verbs that need them.

#: The user's verbs first.
VERBS = (
    basic,
    scores,
    audit,
    quality,
    tracing,
    release,
    miniatures,
    rules,
    ingest,
    detectors,
    samples,
)
EPILOG = """examples:
  codecfake resynthesise --codec encodec_mini speech.wav resynthesised.wav
  codecfake score --detector lfcc_lcnn --checkpoint results/demo/detectors/lfcc_lcnn/seed1234/pooled.pt *.wav
  codecfake evaluate scores.tsv key.tsv
  codecfake audit CodecFake_wavs/
  codecfake codecs
"""


def parser() -> argparse.ArgumentParser:
    """All verbs and their options."""
    top = argparse.ArgumentParser(
        prog="codecfake",
        description="Resynthesise speech with neural codecs; train and evaluate detectors of it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for module in VERBS:
        module.add_verbs(verbs)
    return top


@contextlib.contextmanager
def at_work():
    """Let a Snakemake that begins see that a job of the run is at work: it may outlive the one that began it."""
    path = os.environ.get("CODECFAKE_JOBS")
    with open(path, "a") if path else contextlib.nullcontext() as handle:
        if path:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; the exit code is 0, or 1 with a message on standard error."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message=".*weight_norm.*")
    args = parser().parse_args(arguments)
    try:
        with at_work():
            args.run(args)
    except CodecFakeError as error:
        print(f"codecfake {args.verb}: error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"codecfake {args.verb}: error: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
