"""The EER of every train codec × eval codec.

INPUTS   scores/DETECTOR/*.tsv, protocols/*.tsv
OUTPUTS  eer_matrix.tsv (%), eer_matrix.json (fractions, numbers of trials)
"""


rule evaluate:
    input:
        scores=[scores_of(codec) for codec in TRAIN_CODECS],
        protocols=[protocol_of(codec) for codec in ALL_CODECS],
        code=code("metrics", "evaluate"),
    output:
        tsv=f"{EXPERIMENT}/eer_matrix.tsv",
        json=f"{EXPERIMENT}/eer_matrix.json",
    log:
        f"{EXPERIMENT}/logs/evaluate/matrix.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/evaluate/matrix.tsv"
    conda:
        ENVIRONMENT
    params:
        scores=named(scores_of, TRAIN_CODECS),
        protocols=named(protocol_of, ALL_CODECS),
    message:
        "the EER matrix"
    shell:
        "codecfake evaluate --scores {params.scores:q} --protocols {params.protocols:q}"
        " --tsv {output.tsv:q} --json {output.json:q} 2> {log:q}"
