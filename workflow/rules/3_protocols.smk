"""Who is trained and evaluated on, and the trials of every codec.

INPUTS   corpus/utterances.tsv, corpus/speakers.tsv, resynthesised/CODEC/*.parquet, the config's splits or folds
OUTPUTS  splits.tsv (speaker_id split), protocols/CODEC.tsv (speaker_id utterance_id codec label split shard row)
"""


rule splits:
    input:
        speakers=f"{RESULTS}/corpus/speakers.tsv",
        code=code("selection"),
    output:
        LAYOUT.splits(),
    log:
        f"{EXPERIMENT}/logs/splits/splits.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/splits/splits.tsv"
    # a wrong split is told before days of resynthesis
    priority: 1
    localrule: True
    conda:
        ENVIRONMENT
    params:
        corpus=json.dumps(RUN["corpus"]),
    message:
        "the split of each speaker"
    shell:
        "codecfake splits --corpus {params.corpus:q} --speakers {input.speakers:q} --out {output:q} 2> {log:q}"


rule protocol:
    input:
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        splits=LAYOUT.splits(),
        shards=lambda wildcards: LAYOUT.codec_shards([wildcards.codec]),
        code=code("manifest"),
    output:
        LAYOUT.protocol_of("{codec}"),
    log:
        f"{EXPERIMENT}/logs/protocol/{{codec}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/protocol/{{codec}}.tsv"
    conda:
        ENVIRONMENT
    message:
        "{wildcards.codec}: protocol"
    shell:
        "codecfake protocol --utterances {input.utterances:q} --splits {input.splits:q}"
        " --shards {input.shards:q} --out {output:q} 2> {log:q}"
