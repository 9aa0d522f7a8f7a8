"""CodecFake: the pipeline from a corpus to the EER matrix of every training codec × eval codec.

INPUTS   config/config.yaml (or --configfile), the tables of config/
OUTPUTS  results/RUN/: corpus/, splits/; RECIPE/: shards, audit; RECIPE/FOLD/: protocols, detectors, scores, eer_matrix.tsv,
         quality.tsv; report/FOLD/: report.html, samples/
"""

import os

from snakemake.utils import min_version

min_version("9.0")


# the user's config in the working directory; by default, that of the workflow
DEFAULT_CONFIG = "config/config.yaml"
if not os.path.exists(DEFAULT_CONFIG):
    DEFAULT_CONFIG = workflow.source_path(DEFAULT_CONFIG)

# --configfile replaces the default config: merging the two would mix their splits
if not workflow.configfiles:

    configfile: DEFAULT_CONFIG


CONFIG_FILES = list(map(str, workflow.configfiles)) or ["config"]


include: "workflow/rules/common.smk"
include: "workflow/rules/1_corpus.smk"
include: "workflow/rules/2_resynthesise.smk"
include: "workflow/rules/3_protocols.smk"
include: "workflow/rules/4_train.smk"
include: "workflow/rules/5_score.smk"
include: "workflow/rules/6_evaluate.smk"
include: "workflow/rules/7_audit.smk"
include: "workflow/rules/8_report.smk"


onstart:
    hold_run()
    # with a limit, Snakemake 9 starts a timer in every scheduling round, which starts another round: they multiply
    workflow.scheduler.job_rate_limiter = None


# lists all files, so that a deleted file is made again, with all files that depend on it
rule all:
    default_target: True
    input:
        RUN_PATHS.report(),
        RUN_PATHS.corpus_tables(),
        RUN_PATHS.source_shards(),
        RUN_PATHS.splits(),
        map(RUN_PATHS.set_shard, RUN_PATHS.sets),
        [file for at in RECIPES.values() for file in at.all_files()],
    # printed in place of the list
    message:
        "all results are there"
