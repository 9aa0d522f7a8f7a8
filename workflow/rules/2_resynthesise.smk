"""Resynthesise every shard with every codec (bona fide: the identity codec), or take the clips from a released set.

INPUTS   corpus/NNN.parquet; the codec's entry and files, or the released set
OUTPUTS  resynthesised/CODEC/NNN.parquet
"""

if RUN["source"] == "published":

    rule ingest_shard:
        input:
            source=f"{RESULTS}/corpus/{{shard}}.parquet",
            code=code("ingest_shard", lambda wildcards: treatment(wildcards.recipe)),
        output:
            f"{ANY.resynthesised()}/{{codec}}/{{shard}}.parquet",
        log:
            f"{AUDIO}/logs/ingest_shard/{{codec}}.{{shard}}.log",
        benchmark:
            f"{AUDIO}/benchmarks/ingest_shard/{{codec}}.{{shard}}.tsv"
        conda:
            ENVIRONMENT
        params:
            released=RUN["corpus"]["path"],
            matched=lambda wildcards: matching(wildcards.recipe),
            label=lambda wildcards: label_of(wildcards.codec),
        message:
            "{wildcards.codec}: ingest shard {wildcards.shard} from the released set"
        shell:
            "codecfake ingest-shard --set {params.released:q} --codec {wildcards.codec:q}"
            " --label {params.label} --recipe {wildcards.recipe} --matched {params.matched:q}"
            " --source {input.source:q} --out {output:q} 2> {log:q}"

else:

    rule resynthesise_shard:
        input:
            source=f"{RESULTS}/corpus/{{shard}}.parquet",
            code=code("resynthesise_shard", codec_modules),
        output:
            f"{ANY.resynthesised()}/{{codec}}/{{shard}}.parquet",
        log:
            f"{AUDIO}/logs/resynthesise_shard/{{codec}}.{{shard}}.log",
        benchmark:
            f"{AUDIO}/benchmarks/resynthesise_shard/{{codec}}.{{shard}}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            gpu=GPUS,
        params:
            entry=lambda wildcards: json.dumps(
                codecfake_config.computed_with(RUN["codec_entries"][wildcards.codec])
            ),
            matched=lambda wildcards: matching(wildcards.recipe),
            label=lambda wildcards: label_of(wildcards.codec),
            gpu_use=f"{AUDIO}/benchmarks/resynthesise_shard/{{codec}}.{{shard}}.gpu.json",
        message:
            "{wildcards.codec}: resynthesise shard {wildcards.shard}"
        shell:
            "codecfake resynthesise-shard --codec {wildcards.codec:q} --entry {params.entry:q}"
            " --label {params.label} --recipe {wildcards.recipe} --matched {params.matched:q}"
            " --source {input.source:q} --gpu-use {params.gpu_use:q} --out {output:q} 2> {log:q}"
