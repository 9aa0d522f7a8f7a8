"""Validate the config, and define paths and functions shared by several stages.

INPUTS   the run's config
OUTPUTS  RUN, RUN_PATHS, RECIPES and ANY (all paths of the run), and helpers for rules
"""

import json
import os
import re
import sys
import uuid
from functools import cache

from codecfake.cli.matched import treatment
from codecfake.pipeline import config as codecfake_config, snakemake_records
from codecfake.pipeline.paths import Paths, by_recipe, fold_of
from codecfake.report import sections as report_sections
from codecfake.util.constants import IDENTITY, MATCHED, RANDOM, TRIVIAL
from codecfake.util.errors import ConfigError
from codecfake.util.yaml_files import load_yaml
from codecfake.util.source_code import PACKAGE, source_files
from filelock import FileLock, Timeout

# find `codecfake` next to the running Snakemake even if its environment is not activated
shell.prefix(f'export PATH="$PATH:{os.path.dirname(sys.executable)}"; ')

try:
    for path in workflow.configfiles:
        load_yaml(path)  # Snakemake itself accepts duplicate keys
    RUN = codecfake_config.resolve(dict(config), " + ".join(CONFIG_FILES))
    codecfake_config.require_files(RUN)
except ConfigError as error:
    sys.exit(f"config error: {error}")

# device and file locations change no figure: they are passed by environment, not by `params`, so that
# another mirror or device reruns only the report and the samples page
os.environ.update(
    CODECFAKE_CHECKOUT=str(PACKAGE.parents[1]),
    CODECFAKE_DEVICE=RUN["device"],
    CODECFAKE_CACHE=RUN["cache"],
    CODECFAKE_MIRROR=RUN.get("mirror", ""),
    CODECFAKE_OFFLINE="1" if RUN["offline"] else "",
)

# paths of the run's first recipe, of each recipe, and with wildcards for recipe and fold
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
# a job that can use a GPU requests one, and enough loader processes to keep it busy
GPUS = 0 if RUN["device"] in ("cpu", "mps") else 1
LOADERS = 4 if GPUS else 1


# replaces Snakemake's own lock, which outlives a killed process. Jobs share a second lock, by which jobs left
# behind by a killed Snakemake are detected
RUNNING = FileLock(f"{RESULTS}/.running")
JOBS = os.path.abspath(f"{RESULTS}/.jobs")
os.environ.update(CODECFAKE_JOBS=JOBS)


# jobs left in a cluster's queue hold no lock yet: this file shows them that another Snakemake has taken over
SUBMITTER = f"{RESULTS}/.submitter"
if not workflow.is_main_process:
    with open(SUBMITTER) as file:
        if file.read() != os.getenv("CODECFAKE_SUBMITTER"):
            sys.exit(
                f"{RESULTS}: another snakemake has taken over from the one that submitted this job"
            )


def hold_run():
    """Refuse to run while another Snakemake, or its jobs, work on the same results."""
    os.makedirs(RESULTS, exist_ok=True)
    try:
        RUNNING.acquire(timeout=0)
        FileLock(JOBS).acquire(timeout=0).lock.release()
    except Timeout:
        raise WorkflowError(
            f"{RESULTS}: another snakemake, or jobs of a killed snakemake, are still writing these results"
        ) from None
    name = str(uuid.uuid4())
    os.environ.update(CODECFAKE_SUBMITTER=name)
    with open(SUBMITTER, "w") as file:
        file.write(name)


@cache
def adopt_records():
    """Import the records of files that DVC restored, before Snakemake checks the files; in a dry run, only warn."""
    if not workflow.is_main_process or workflow.executor_plugin is None:
        return
    if not workflow.dryrun:
        snakemake_records.adopt(RESULTS)
    elif snakemake_records.pending(RESULTS):
        logger.warning(
            f"{RESULTS}: this dry run ignores the records of files restored by DVC; a real run imports them"
        )


def one_of(names):
    """Return a wildcard pattern that matches these names; one that matches nothing if there are none."""
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
    """Return the input function that lists the source files on which a rule's outputs depend.

    Args:
        verb: module of the verb that the rule calls.
        modules: modules that the verb imports by name, such as `codecs/dac`; or a function of wildcards for them.
    """

    def files(wildcards):
        adopt_records()
        chosen = modules(wildcards) if callable(modules) else modules
        return [below(path) for path in source_files(f"cli/{verb}", *chosen)]

    return files


def templates(*names):
    """Return the paths of templates of the report and the samples page."""
    return [below(PACKAGE / "report/templates" / name) for name in names]


def below(path):
    """Return a path relative to the working directory, independent of the location of the checkout."""
    return os.path.relpath(path)


def folder_of(wildcards, output):
    """Return the folder of a job's files."""
    return os.path.dirname(output[0])


def at(wildcards):
    """Return the paths of a job's recipe."""
    return RECIPES[wildcards.recipe]


def trials_of(names, paths=ANY):
    """Return the inputs `protocols` and `waveforms` of a rule that reads these codecs, conditions and sets."""
    return {
        "protocols": [paths.protocol_of(name) for name in names],
        "waveforms": [paths.waveforms_of(name) for name in names],
    }


def matching(recipe):
    """Return the settings of recipe matched as JSON; {} for other recipes, which must not depend on them."""
    return json.dumps(RUN.get("matched", {}) if recipe == MATCHED else {})


def label_of(codec):
    return "bonafide" if codec == IDENTITY else "spoof"


def class_of_codecs(by):
    """Return the tracer class of each codec: the codec or its family; bona fide speech is a separate class."""
    entries = RUN["codec_entries"].items()
    return {
        codec: codec if by == "codec" or codec == IDENTITY else entry["family"]
        for codec, entry in entries
    }


def codec_modules(wildcards):
    """Return the modules that resynthesise with a codec: that of its family and that of the recipe's treatment."""
    family = RUN["codec_entries"][wildcards.codec]["family"]
    return [f"codecs/{family}", *treatment(wildcards.recipe)]


def named(path_of, names):
    """Return NAME=PATH arguments for verbs that take several named files."""
    return [f"{name}={path_of(name)}" for name in names]
