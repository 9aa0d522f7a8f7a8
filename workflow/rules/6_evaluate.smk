"""Compute the EER matrix and all metrics of every detector on every codec, condition and set.

INPUTS   scores/**/*.tsv, protocols/*.tsv, corpus/speakers.tsv
OUTPUTS  eer_matrix.tsv (%; rows: training sets, columns: evaluation), eer_matrix.json (fractions, trial counts),
         eer_matrix.png, metrics.tsv, breakdown.tsv (by speaker and gender), significance.tsv
"""


rule matrix:
    input:
        scores=[path for _, path in ANY.scores()],
        protocols=[ANY.protocol_of(name) for name in RUN_PATHS.protocols()],
        speakers=f"{RESULTS}/corpus/speakers.tsv",
        code=code("matrix"),
    output:
        **{
            **ANY.matrix()._asdict(),
            "png": report(ANY.matrix().png, category="results"),
        },
    log:
        f"{EXPERIMENT}/logs/matrix/matrix.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/matrix/matrix.tsv"
    conda:
        ENVIRONMENT
    params:
        scores=[f"{detector}={path}" for detector, path in ANY.scores()],
        protocols=named(ANY.protocol_of, RUN_PATHS.protocols()),
        trained_on=json.dumps(
            {name: set.codecs for name, set in RUN_PATHS.train_sets.items()}
        ),
        reference=RUN_PATHS.reference(),
        seed=RUN["seeds"][0],
        folder=folder_of,
    message:
        "compute the EER matrix"
    shell:
        "codecfake matrix --scores {params.scores:q} --protocols {params.protocols:q}"
        " --trained-on {params.trained_on:q} --speakers {input.speakers:q}"
        " --reference {params.reference:q} --seed {params.seed} --out {params.folder:q} 2> {log:q}"
