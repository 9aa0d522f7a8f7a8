"""The EER of every train codec × eval codec.

INPUTS   scores/DETECTOR/*.tsv, protocols/*.tsv
OUTPUTS  eer_matrix.tsv (%), eer_matrix.json (fractions, numbers of trials), eer_matrix.png
"""


rule evaluate:
    input:
        scores=[LAYOUT.scores_of(codec) for codec in LAYOUT.train_codecs],
        protocols=[LAYOUT.protocol_of(codec) for codec in LAYOUT.codecs],
        code=code("metrics", "evaluate", "plots"),
    output:
        tsv=f"{EXPERIMENT}/eer_matrix.tsv",
        json=f"{EXPERIMENT}/eer_matrix.json",
        png=report(f"{EXPERIMENT}/eer_matrix.png", category="results"),
    log:
        f"{EXPERIMENT}/logs/evaluate/matrix.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/evaluate/matrix.tsv"
    conda:
        ENVIRONMENT
    params:
        scores=named(LAYOUT.scores_of, LAYOUT.train_codecs),
        protocols=named(LAYOUT.protocol_of, LAYOUT.codecs),
    message:
        "the EER matrix"
    shell:
        "codecfake evaluate --scores {params.scores:q} --protocols {params.protocols:q}"
        " --tsv {output.tsv:q} --json {output.json:q} --png {output.png:q} 2> {log:q}"
