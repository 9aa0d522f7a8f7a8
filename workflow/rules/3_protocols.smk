"""The trials of every codec.

INPUTS   corpus/utterances.tsv, resynthesised/CODEC/*.parquet
OUTPUTS  protocols/CODEC.tsv (speaker_id utterance_id codec label split shard row)
"""


rule protocol:
    input:
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        shards=lambda wildcards: codec_shards(wildcards.codec),
        code=code("manifest"),
    output:
        f"{RESULTS}/protocols/{{codec}}.tsv",
    log:
        f"{RESULTS}/logs/protocol/{{codec}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/protocol/{{codec}}.tsv"
    conda:
        ENVIRONMENT
    message:
        "{wildcards.codec}: protocol"
    shell:
        "codecfake protocol --utterances {input.utterances:q} --shards {input.shards:q}"
        " --out {output:q} 2> {log:q}"
