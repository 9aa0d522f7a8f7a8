"""The validated config, the paths of results, and what several stages share.

INPUTS   the run's config
OUTPUTS  RUN, RUN_PATHS, AT and ANY (every path of the run), and what rules need besides
"""

import json
import os
import re
import sys
import uuid
from functools import cache

from codecfake.pipeline import config as codecfake_config, snakemake_records
from codecfake.pipeline.paths import Paths, by_recipe, fold_of
from codecfake.util.constants import IDENTITY, MATCHED, RANDOM, SPLITS, TRIVIAL
from codecfake.util.errors import ConfigError
from codecfake.util.yaml_files import load_yaml
from codecfake.util.source_code import PACKAGE, source_files
from filelock import FileLock, Timeout

# `codecfake` is found beside the running Snakemake even if its environment is not activated
shell.prefix(f'export PATH="$PATH:{os.path.dirname(sys.executable)}"; ')

try:
    for path in workflow.configfiles:
        load_yaml(path)  # Snakemake's own reading takes a key that is there twice
    RUN = codecfake_config.resolve(dict(config), " + ".join(CONFIG_FILES))
    codecfake_config.require_files(RUN)
except ConfigError as error:
    sys.exit(f"config error: {error}")

# where to compute and to find files changes no result: told by environment, not by `params`, so that
# another mirror or device reruns nothing
os.environ.update(
    CODECFAKE_CHECKOUT=str(PACKAGE.parents[1]),
    CODECFAKE_DEVICE=RUN["device"],
    CODECFAKE_CACHE=RUN["cache"],
    CODECFAKE_MIRROR=RUN.get("mirror", ""),
    CODECFAKE_OFFLINE="1" if RUN["offline"] else "",
)

# the paths of the run's first recipe, of each recipe, and of any, with wildcards for recipe and fold
RUN_PATHS = Paths(RUN)
RECIPES = by_recipe(RUN)
ANY = Paths(RUN, "{recipe}", "{fold}")
FOLD = fold_of(RUN["corpus"])
RESULTS, STUDY = RUN_PATHS.results, RUN_PATHS.study
AUDIO, EXPERIMENT = ANY.audio, ANY.experiment
LISTED = json.dumps(codecfake_config.listed(RUN["corpus"]))
DETECTOR = RUN["detector"]["name"]
DETECTOR_MODULE = f"detectors/{RUN['detector_entry']['module']}"
ENVIRONMENT = "../../envs/codecfake.yaml"
# a job that may have a GPU asks for one, and for processes that decode audio fast enough to keep it busy
GPUS = 0 if RUN["device"] in ("cpu", "mps") else 1
LOADERS = 4 if GPUS else 1


# in place of Snakemake's own lock, which outlives a killed process: this one does not. Jobs share a lock
# of their own, so that those that a killed Snakemake left behind are noticed
RUNNING = FileLock(f"{RESULTS}/.running")
JOBS = os.path.abspath(f"{RESULTS}/.jobs")
os.environ.update(CODECFAKE_JOBS=JOBS)


# jobs that it left in a cluster's queue hold no lock yet: they know by this file that another has taken over
SUBMITTER = f"{RESULTS}/.submitter"
if not workflow.is_main_process:
    with open(SUBMITTER) as file:
        if file.read() != os.getenv("CODECFAKE_SUBMITTER"):
            sys.exit(
                f"{RESULTS}: another snakemake has taken over from the one that submitted this job"
            )


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
    name = str(uuid.uuid4())
    os.environ.update(CODECFAKE_SUBMITTER=name)
    with open(SUBMITTER, "w") as file:
        file.write(name)


@cache
def adopt_records():
    """Let what DVC brought from elsewhere count as made here, before Snakemake judges it; in a run alone, not in a plan."""
    if not workflow.is_main_process or workflow.executor_plugin is None:
        return
    if not workflow.dryrun:
        snakemake_records.adopt(RESULTS)
    elif snakemake_records.pending(RESULTS):
        logger.warning(
            f"{RESULTS}: files came with records of how they were made; a run counts them as made here, this plan does not"
        )


def one_of(names):
    """The pattern of a wildcard that stands for these names, or, if there are none, for nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    recipe=one_of(RECIPES),
    fold=one_of([FOLD]),
    codec=one_of(RUN_PATHS.codecs),
    by=one_of(RUN_PATHS.tracing),
    train_set=one_of(RUN_PATHS.train_sets),
    seed=one_of(map(str, RUN_PATHS.seeds)),
    set=one_of(RUN_PATHS.sets),
    condition=one_of(RUN_PATHS.conditions),
    name=one_of([*RUN_PATHS.codecs, *RUN_PATHS.sets]),
    pretrained=one_of(RUN["baseline_entries"]),
    baseline=one_of([RANDOM, TRIVIAL]),
    shard=r"\d{3}",


def code(verb, modules=()):
    """The input function that gives the source files whose change makes a rule's outputs stale.

    Args:
        verb: what the rule calls, by the name of its module.
        modules: those that it imports by name, such as `codecs/dac`; or what gives them, by wildcards.
    """

    def files(wildcards):
        adopt_records()
        chosen = modules(wildcards) if callable(modules) else modules
        return [below(path) for path in source_files(f"cli/{verb}", *chosen)]

    return files


def templates(*names):
    """Templates of the report and the samples page."""
    return [below(PACKAGE / "report/templates" / name) for name in names]


def below(path):
    """A path as short as it can be told from the working directory: the same wherever the checkout lies."""
    return os.path.relpath(path)


def at(wildcards):
    """The paths of a job's recipe."""
    return RECIPES[wildcards.recipe]


def matching(recipe):
    """What the matched set is to have, as JSON; nothing for another recipe, which so knows nothing of it."""
    return json.dumps(RUN.get("matched", {}) if recipe == MATCHED else {})


def label_of(codec):
    return "bonafide" if codec == IDENTITY else "spoof"


def class_of_codecs(by):
    """What a tracer is to tell of each codec: itself, or its family; bona fide speech is a class of its own."""
    entries = RUN["codec_entries"].items()
    return {
        codec: codec if by == "codec" or codec == IDENTITY else entry["family"]
        for codec, entry in entries
    }


def codec_modules(wildcards):
    """The modules by which a codec is resynthesised: its family's, and that of what the recipe does after it."""
    family = RUN["codec_entries"][wildcards.codec]["family"]
    return [f"codecs/{family}", *treatment(wildcards.recipe)]


def treatment(recipe):
    """The module of what a recipe does to both classes after the codec, if anything."""
    return ["resynthesis/matching"] if recipe == MATCHED else []


def named(path_of, names):
    """NAME=PATH arguments for the verbs that take several named files."""
    return [f"{name}={path_of(name)}" for name in names]
