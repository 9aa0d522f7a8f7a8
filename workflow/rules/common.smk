"""The validated config, the paths of results, and what several stages share.

INPUTS   the run's config
OUTPUTS  RUN, RESULTS, the lists of codecs, one function per kind of path
"""

import json
import os
import sys

from codecfake import config as codecfake_config
from codecfake.errors import ConfigError
from codecfake.names import IDENTITY, POOLED
from filelock import FileLock, Timeout

# `codecfake` is found beside the running Snakemake even if its environment is not activated
shell.prefix(f'export PATH="$PATH:{os.path.dirname(sys.executable)}"; ')

try:
    RUN = codecfake_config.resolve(dict(config), " + ".join(CONFIG_FILES))
    codecfake_config.require_files(RUN)
except ConfigError as error:
    sys.exit(f"config error: {error}")

# where to compute and to find files changes no result: told by environment, not by `params`, so that
# another mirror or device reruns nothing
os.environ.update(
    CODECFAKE_DEVICE=RUN["device"],
    CODECFAKE_CACHE=RUN["cache"],
    CODECFAKE_MIRROR=RUN.get("mirror", ""),
    CODECFAKE_OFFLINE="1" if RUN.get("offline") else "",
)

RESULTS = f"results/{RUN['run']}"
EXPERIMENT = codecfake_config.experiment(RUN)
LISTED = json.dumps(codecfake_config.listed(RUN["corpus"]))
CODECS = RUN["codecs"]
ALL_CODECS = [IDENTITY, *CODECS]
TRAIN_CODECS = [*CODECS, POOLED]
DETECTOR = RUN["detector"]["name"]
SHARDS = [f"{number:03d}" for number in range(RUN["shards"])]
ENVIRONMENT = "../../envs/codecfake.yaml"
# a job that may have a GPU asks for one, and for processes that decode audio fast enough to keep it busy
GPUS = 0 if RUN["device"] in ("cpu", "mps") else 1
LOADERS = 4 if GPUS else 1


# in place of Snakemake's own lock, which outlives a killed process: this one does not. Jobs share a lock
# of their own, so that those that a killed Snakemake left behind are noticed
RUNNING = FileLock(f"{RESULTS}/.running")
JOBS = os.path.abspath(f"{RESULTS}/.jobs")
os.environ.update(CODECFAKE_JOBS=JOBS)


def hold_run():
    """Refuse to run beside another Snakemake, or its jobs, at work on the same results."""
    os.makedirs(RESULTS, exist_ok=True)
    try:
        RUNNING.acquire(timeout=0)
        FileLock(JOBS).acquire(timeout=0).lock.release()
    except Timeout:
        raise WorkflowError(
            f"{RESULTS}: another snakemake is at work on it, or jobs that it left behind when it was killed"
        ) from None


wildcard_constraints:
    codec="|".join(ALL_CODECS),
    train_codec="|".join(TRAIN_CODECS),
    shard=r"\d{3}",


def code(*modules):
    """The source files whose change makes a rule's outputs stale."""
    return [f"workflow/codecfake/{module}.py" for module in modules]


def adapter(family):
    """The modules of a codec family: its adapter and, where it is ours, its network."""
    network = f"codecs/{family}_network"
    there = os.path.isfile(code(network)[0])
    return [f"codecs/{family}", network] if there else [f"codecs/{family}"]


def source_shards():
    return expand(f"{RESULTS}/corpus/{{shard}}.parquet", shard=SHARDS)


def codec_shards(codecs):
    return expand(
        f"{RESULTS}/resynthesised/{{codec}}/{{shard}}.parquet",
        codec=codecs,
        shard=SHARDS,
    )


def folder_of_codecs(shards):
    """The folder that has one folder of shards per codec."""
    return os.path.dirname(os.path.dirname(shards[0]))


def protocol_of(codec):
    return f"{EXPERIMENT}/protocols/{codec}.tsv"


def trained_on(train_codec):
    """The codecs whose trials a detector is trained on, bona fide first."""
    return ALL_CODECS if train_codec == POOLED else [IDENTITY, train_codec]


def detector_of(train_codec):
    return f"{EXPERIMENT}/detectors/{DETECTOR}/{train_codec}.pt"


def history_of(train_codec):
    return f"{EXPERIMENT}/detectors/{DETECTOR}/{train_codec}.history.tsv"


def scores_of(train_codec):
    return f"{EXPERIMENT}/scores/{DETECTOR}/{train_codec}.tsv"


def named(path_of, names):
    """NAME=PATH arguments for the verbs that take several named files."""
    return [f"{name}={path_of(name)}" for name in names]
