"""Parse the command line, run the verb and print errors."""

import argparse
import contextlib
import fcntl
import importlib
import os
import sys
import warnings

from codecfake import __version__
from codecfake.util.errors import CodecFakeError

# Verb modules import slow packages (hundreds of milliseconds) inside `run`.

#: Verbs for users, and verbs called by Snakemake rules; each verb is a module of this package.
VERBS = (
    "codecs",
    "detectors",
    "fetch",
    "show",
    "stage",
    "resynthesise",
    "score",
    "evaluate",
    "audit",
    "fidelity",
    "trace",
    "export",
    "train-codec",
    "codec-quality",
)
RULE_VERBS = (
    "corpus",
    "source-shard",
    "evaluation-set",
    "resynthesise-shard",
    "ingest-shard",
    "splits",
    "protocol",
    "set-protocol",
    "waveforms",
    "condition",
    "keys",
    "train",
    "train-tracer",
    "score-protocol",
    "score-baseline",
    "trace-protocol",
    "matrix",
    "cues",
    "audit-tables",
    "quality",
    "quality-table",
    "report",
    "samples",
)
EPILOG = """examples:
  codecfake resynthesise --codec encodec_mini speech.wav resynthesised.wav
  codecfake score --detector aasist_2019 recordings/
  codecfake evaluate scores.tsv key.tsv
  codecfake audit CodecFake_wavs/
  codecfake codecs
"""


def parser() -> argparse.ArgumentParser:
    """Build the parser of all verbs and their options."""
    top = argparse.ArgumentParser(
        prog="codecfake",
        description="Resynthesise speech with neural codecs; train and evaluate countermeasures (detectors).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in (*VERBS, *RULE_VERBS):
        module = importlib.import_module(f"codecfake.cli.{name.replace('-', '_')}")
        short = module.__doc__.partition("\n")[0].removesuffix(".")
        example = getattr(module, "EXAMPLE", None)
        verb = verbs.add_parser(
            name,
            help=f"rule: {short}" if name in RULE_VERBS else short,
            description=module.__doc__,
            epilog=example and f"example: {example}",
        )
        module.add_options(verb)
        verb.set_defaults(run=module.run)
    return top


@contextlib.contextmanager
def at_work():
    """Hold a shared lock while the verb runs: jobs may outlive their Snakemake, and the next one checks for them."""
    path = os.environ.get("CODECFAKE_JOBS")
    with open(path, "a") if path else contextlib.nullcontext() as handle:
        if path:
            with contextlib.suppress(OSError):  # file systems without lock support
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; return exit code 0, or 1 after printing a message on standard error."""
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
