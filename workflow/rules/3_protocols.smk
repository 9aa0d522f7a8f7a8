"""Assign speakers to splits; list the trials of every codec, set and condition; prepare the detectors' waveforms.

INPUTS   corpus/utterances.tsv, corpus/speakers.tsv, resynthesised/CODEC/*.parquet, corpus/sets/*.parquet, the
         config's splits or folds and conditions
OUTPUTS  splits/FOLD.tsv (speaker_id split), protocols/NAME.tsv (speaker_id utterance_id codec label split shard row),
         keys/, waveforms/NAME.json (description of detector input; the samples in .waveforms/ are a cache)
"""


rule splits:
    input:
        speakers=f"{RESULTS}/corpus/speakers.tsv",
        code=code("splits"),
    output:
        ANY.splits(),
    log:
        f"{RESULTS}/logs/splits/{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/splits/{{fold}}.tsv"
    # to report invalid splits before days of resynthesis
    priority: 1
    localrule: True
    conda:
        ENVIRONMENT
    params:
        corpus=json.dumps(RUN["corpus"]),
    message:
        "splits: assign speakers"
    shell:
        "codecfake splits --corpus {params.corpus:q} --speakers {input.speakers:q} --out {output:q} 2> {log:q}"


rule protocol:
    input:
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        splits=ANY.splits(),
        shards=lambda wildcards: at(wildcards).codec_shards([wildcards.codec]),
        code=code("protocol"),
    output:
        ANY.protocol_of("{codec}"),
    log:
        f"{EXPERIMENT}/logs/protocol/{{codec}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/protocol/{{codec}}.tsv"
    conda:
        ENVIRONMENT
    message:
        "{wildcards.codec}: write protocol"
    shell:
        "codecfake protocol --utterances {input.utterances:q} --splits {input.splits:q}"
        " --shards {input.shards:q} --out {output:q} 2> {log:q}"


rule set_protocol:
    input:
        shard=RUN_PATHS.set_shard("{set}"),
        code=code("set_protocol"),
    output:
        ANY.protocol_of("{set}"),
    log:
        f"{EXPERIMENT}/logs/set_protocol/{{set}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/set_protocol/{{set}}.tsv"
    conda:
        ENVIRONMENT
    message:
        "{wildcards.set}: write protocol"
    shell:
        "codecfake set-protocol --shard {input.shard:q} --out {output:q} 2> {log:q}"


rule waveforms:
    input:
        shards=lambda wildcards: at(wildcards).shards_of(wildcards.name),
        code=code("waveforms"),
    output:
        ANY.waveforms_of("{name}"),
    log:
        f"{AUDIO}/logs/waveforms/{{name}}.log",
    benchmark:
        f"{AUDIO}/benchmarks/waveforms/{{name}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    message:
        "{wildcards.name}: decode and resample"
    shell:
        "codecfake waveforms --shards {input.shards:q} --workers {threads} --out {output:q} 2> {log:q}"


rule condition:
    input:
        **trials_of(RUN_PATHS.codecs),
        code=code("condition"),
    output:
        protocol=ANY.protocol_of("{condition}"),
        waveforms=f"{EXPERIMENT}/waveforms/{{condition}}.json",
    log:
        f"{EXPERIMENT}/logs/condition/{{condition}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/condition/{{condition}}.tsv"
    conda:
        ENVIRONMENT
    threads: 4
    params:
        entry=lambda wildcards: json.dumps(
            RUN["condition_entries"][wildcards.condition]
        ),
    message:
        "{wildcards.condition}: apply the condition to eval speech"
    shell:
        "codecfake condition --condition {wildcards.condition:q} --entry {params.entry:q}"
        " --protocols {input.protocols:q} --waveforms {input.waveforms:q} --workers {threads}"
        " --out-protocol {output.protocol:q} --out {output.waveforms:q} 2> {log:q}"


rule keys:
    input:
        protocols=[ANY.protocol_of(codec) for codec in RUN_PATHS.codecs],
        code=code("keys"),
    output:
        **ANY.keys()._asdict(),
    log:
        f"{EXPERIMENT}/logs/keys/keys.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/keys/keys.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        folder=folder_of,
    message:
        "write keys and protocols in ASVspoof formats"
    shell:
        "codecfake keys --protocols {input.protocols:q} --out {params.folder:q} 2> {log:q}"
