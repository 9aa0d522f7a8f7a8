"""Audit the data for shortcuts (class differences other than codec artefacts) and measure the quality of the codecs.

INPUTS   resynthesised/CODEC/*.parquet, protocols
OUTPUTS  audit/ (cues/CODEC.tsv, audit.tsv, probe.tsv, ranges.tsv, duplicates.tsv, audit.png), quality/CODEC.tsv, quality.tsv
"""


rule cues:
    input:
        bonafide=lambda wildcards: at(wildcards).codec_shards([IDENTITY]),
        shards=lambda wildcards: at(wildcards).codec_shards([wildcards.codec]),
        code=code("cues"),
    output:
        ANY.cues_of("{codec}"),
    log:
        f"{AUDIO}/logs/cues/{{codec}}.log",
    benchmark:
        f"{AUDIO}/benchmarks/cues/{{codec}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    message:
        "{wildcards.codec}: measure cues"
    shell:
        "codecfake cues --bonafide {input.bonafide:q} --shards {input.shards:q} --workers {threads}"
        " --out {output:q} 2> {log:q}"


rule audit:
    input:
        cues=[ANY.cues_of(codec) for codec in RUN_PATHS.codecs],
        code=code("audit_tables"),
    output:
        **ANY.audit()._asdict(),
    log:
        f"{AUDIO}/logs/audit/audit.log",
    benchmark:
        f"{AUDIO}/benchmarks/audit/audit.tsv"
    conda:
        ENVIRONMENT
    params:
        cues=named(ANY.cues_of, RUN_PATHS.codecs),
        hops=codecfake_config.hops(),
        folder=folder_of,
    message:
        "audit shortcuts"
    shell:
        "codecfake audit-tables --cues {params.cues:q} --hops {params.hops}"
        " --out {params.folder:q} 2> {log:q}"


rule quality:
    input:
        bonafide=lambda wildcards: at(wildcards).codec_shards([IDENTITY]),
        shards=lambda wildcards: at(wildcards).codec_shards([wildcards.codec]),
        protocol=ANY.protocol_of("{codec}"),
        code=code("quality"),
    output:
        ANY.quality_of("{codec}"),
    log:
        f"{EXPERIMENT}/logs/quality/{{codec}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/quality/{{codec}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    params:
        utterances=RUN["quality_utterances"],
    message:
        "{wildcards.codec}: measure quality"
    shell:
        "codecfake quality --codec {wildcards.codec:q} --bonafide {input.bonafide:q} --shards {input.shards:q}"
        " --protocol {input.protocol:q} --utterances {params.utterances} --workers {threads}"
        " --out {output:q} 2> {log:q}"


rule quality_table:
    input:
        quality=[ANY.quality_of(codec) for codec in RUN_PATHS.codecs],
        code=code("quality_table"),
    output:
        ANY.quality(),
    log:
        f"{EXPERIMENT}/logs/quality_table/quality.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/quality_table/quality.tsv"
    conda:
        ENVIRONMENT
    params:
        seed=RUN["seeds"][0],
    message:
        "average quality per codec"
    shell:
        "codecfake quality-table --quality {input.quality:q} --seed {params.seed} --out {output:q} 2> {log:q}"
