"""Write a self-contained HTML report of the run, and a page with audio samples.

INPUTS   the matrix and tables of every recipe, scores, protocols, histories, benchmarks; shards for the samples
OUTPUTS  config.json (the resolved config), report.html; samples/index.html with audio/ and images/ next to it
"""


rule resolved_config:
    output:
        f"{STUDY}/config.json",
    log:
        f"{RESULTS}/logs/resolved_config/{FOLD}.log",
    benchmark:
        f"{RESULTS}/benchmarks/resolved_config/{FOLD}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        run=json.dumps(RUN, indent=2),
    message:
        "write the resolved config"
    shell:
        "printf '%s\\n' {params.run:q} > {output:q} 2> {log:q}"


rule report:
    input:
        run=f"{STUDY}/config.json",
        results=report_sections.inputs(RUN),
        code=code("report"),
        templates=templates("report.html"),
        sections=[
            below(report_sections.template(one)) for one in report_sections.SECTIONS
        ],
    output:
        report(f"{STUDY}/report.html", category="results"),
    log:
        f"{RESULTS}/logs/report/{FOLD}.log",
    benchmark:
        f"{RESULTS}/benchmarks/report/{FOLD}.tsv"
    conda:
        ENVIRONMENT
    message:
        "write the report"
    shell:
        "codecfake report --run {input.run:q} --out {output:q} 2> {log:q}"


rule samples:
    input:
        run=f"{STUDY}/config.json",
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        splits=RUN_PATHS.splits(),
        shards=RUN_PATHS.codec_shards(RUN_PATHS.codecs),
        scores=[path for _, path in RUN_PATHS.scores()],
        metrics=RUN_PATHS.matrix().metrics,
        code=code("samples"),
        templates=templates("samples.html", "samples.css", "samples.js"),
    output:
        f"{STUDY}/samples/index.html",
    log:
        f"{RESULTS}/logs/samples/{FOLD}.log",
    benchmark:
        f"{RESULTS}/benchmarks/samples/{FOLD}.tsv"
    conda:
        ENVIRONMENT
    params:
        scores=[f"{detector}={path}" for detector, path in RUN_PATHS.scores()],
        resynthesised=lambda wildcards: RUN_PATHS.resynthesised(),
    message:
        "write the samples page"
    shell:
        "codecfake samples --run {input.run:q} --utterances {input.utterances:q} --splits {input.splits:q}"
        " --resynthesised {params.resynthesised:q} --scores {params.scores:q} --metrics {input.metrics:q}"
        " --out {output:q} 2> {log:q}"
