"""Every shard through every codec; bona fide speech through the identity codec.

INPUTS   corpus/NNN.parquet, each codec's own entry and files
OUTPUTS  resynthesised/CODEC/NNN.parquet
"""


rule resynthesise_shard:
    input:
        source=f"{RESULTS}/corpus/{{shard}}.parquet",
        code=lambda wildcards: code(
            "audio",
            "store",
            "pieces",
            "recipes",
            "resynthesise",
            "codecs/base",
            *adapter(RUN["codec_entries"][wildcards.codec]["family"]),
        ),
    output:
        f"{RESULTS}/resynthesised/{{codec}}/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/resynthesise_shard/{{codec}}.{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/resynthesise_shard/{{codec}}.{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        gpu=GPUS,
    params:
        entry=lambda wildcards: json.dumps(
            codecfake_config.computed_with(RUN["codec_entries"][wildcards.codec])
        ),
        recipe=RUN.get("recipe", "clean"),
        label=lambda wildcards: ("bonafide" if wildcards.codec == IDENTITY else "spoof"),
        gpu_use=f"{RESULTS}/benchmarks/resynthesise_shard/{{codec}}.{{shard}}.gpu.json",
    message:
        "{wildcards.codec}: resynthesise shard {wildcards.shard}"
    shell:
        "codecfake resynthesise-shard --codec {wildcards.codec:q} --entry {params.entry:q}"
        " --label {params.label} --recipe {params.recipe}"
        " --source {input.source:q} --gpu-use {params.gpu_use:q} --out {output:q} 2> {log:q}"
