"""Every detector on the eval trials of every codec; bona fide trials are scored once per detector.

INPUTS   detectors/DETECTOR/TRAIN_CODEC.pt, all protocols and shards
OUTPUTS  scores/DETECTOR/TRAIN_CODEC.tsv (filename, cm-score)
"""


rule score_protocol:
    input:
        checkpoint=LAYOUT.detector_of("{train_codec}"),
        protocols=[LAYOUT.protocol_of(codec) for codec in LAYOUT.codecs],
        shards=LAYOUT.codec_shards(LAYOUT.codecs),
        code=code("dataset", "score"),
    output:
        LAYOUT.scores_of("{train_codec}"),
    log:
        f"{EXPERIMENT}/logs/score_protocol/{{train_codec}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/score_protocol/{{train_codec}}.tsv"
    conda:
        ENVIRONMENT
    threads: LOADERS
    resources:
        gpu=GPUS,
    params:
        batch_size=RUN["detector_entry"]["batch_size"],
        detector=DETECTOR,
        resynthesised=lambda wildcards, input: folder_of_codecs(input.shards),
        gpu_use=f"{EXPERIMENT}/benchmarks/score_protocol/{{train_codec}}.gpu.json",
    message:
        "score with {params.detector} trained on {wildcards.train_codec}"
    shell:
        "codecfake score-protocol --detector {params.detector} --checkpoint {input.checkpoint:q}"
        " --batch-size {params.batch_size}"
        " --protocols {input.protocols:q} --resynthesised {params.resynthesised:q}"
        " --workers {threads} --gpu-use {params.gpu_use:q}"
        " --out {output:q} 2> {log:q}"
