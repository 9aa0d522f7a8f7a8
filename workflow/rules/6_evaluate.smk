"""Every metric of every detector on every codec, condition and set; the EER matrix.

INPUTS   scores/**/*.tsv, protocols/*.tsv, corpus/speakers.tsv
OUTPUTS  eer_matrix.tsv (%, rows trained on, columns evaluated on), eer_matrix.json (fractions, numbers of trials),
         eer_matrix.png, metrics.tsv, breakdown.tsv (by speaker and gender), significance.tsv
"""


rule matrix:
    input:
        scores=[path for _, path in LAYOUT.scores()],
        protocols=[LAYOUT.protocol_of(name) for name in LAYOUT.protocols()],
        speakers=f"{RESULTS}/corpus/speakers.tsv",
        code=code("metrics", "bootstrap", "evaluate", "plots"),
    output:
        tsv=f"{EXPERIMENT}/eer_matrix.tsv",
        json=f"{EXPERIMENT}/eer_matrix.json",
        png=report(f"{EXPERIMENT}/eer_matrix.png", category="results"),
        metrics=f"{EXPERIMENT}/metrics.tsv",
        breakdown=f"{EXPERIMENT}/breakdown.tsv",
        significance=f"{EXPERIMENT}/significance.tsv",
    log:
        f"{EXPERIMENT}/logs/matrix/matrix.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/matrix/matrix.tsv"
    conda:
        ENVIRONMENT
    params:
        scores=[f"{name}={path}" for name, path in LAYOUT.scores()],
        protocols=named(LAYOUT.protocol_of, LAYOUT.protocols()),
        trained_on=json.dumps(
            {name: set.codecs for name, set in LAYOUT.train_sets.items()}
        ),
        reference=LAYOUT.reference(),
        seed=RUN["seeds"][0],
    message:
        "the EER matrix"
    shell:
        "codecfake matrix --scores {params.scores:q} --protocols {params.protocols:q}"
        " --trained-on {params.trained_on:q} --speakers {input.speakers:q}"
        " --reference {params.reference:q} --seed {params.seed}"
        " --tsv {output.tsv:q} --json {output.json:q} --png {output.png:q} --metrics {output.metrics:q}"
        " --breakdown {output.breakdown:q} --significance {output.significance:q} 2> {log:q}"
