"""The 15 published configurations at full size with random weights, saved in the published formats."""

import json
from pathlib import Path

import torch
import yaml

from codecfake import codecs
from codecfake.pipeline import config

_HIFI_CODEC = {
    "resblock": "1",
    "upsample_rates": [8, 5, 4, 2],
    "upsample_kernel_sizes": [16, 11, 8, 4],
    "upsample_initial_channel": 512,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "n_code_groups": 2,
    "n_codes": 1024,
    "codebook_loss_lambda": 1.0,
    "commitment_loss_lambda": 0.25,
}
_SPEECHTOKENIZER = {
    "n_filters": 64,
    "strides": [8, 5, 4, 2],
    "dimension": 1024,
    "semantic_dimension": 768,
    "bidirectional": True,
    "dilation_base": 2,
    "residual_kernel_size": 3,
    "n_residual_layers": 1,
    "lstm_layers": 2,
    "activation": "ELU",
    "codebook_size": 1024,
}
_AUDIODEC = {
    "autoencoder": {
        "encode_channels": 32,
        "decode_channels": 32,
        "code_dim": 64,
        "codebook_num": 8,
        "codebook_size": 1024,
        "enc_ratios": [2, 4, 8, 16],
        "dec_ratios": [16, 8, 4, 2],
        "enc_strides": [3, 4, 5, 5],
        "dec_strides": [5, 5, 4, 3],
        "mode": "causal",
    },
    "vocoder": {
        "in_channels": 64,
        "channels": 512,
        "kernel_size": 7,
        "upsample_scales": [5, 5, 4, 3],
        "resblock_kernel_sizes": [11],
        "resblock_dilations": [[1, 3, 5]],
        "groups": 3,
        "nonlinear_activation_params": {"negative_slope": 0.1},
    },
}


def _dac(sample_rate: int, n_q: int, last_strides: list[int]) -> dict:
    return {
        "encoder_dim": 64,
        "encoder_rates": [2, 4, *last_strides],
        "decoder_dim": 1536,
        "decoder_rates": [*reversed(last_strides), 4, 2],
        "n_codebooks": n_q,
        "codebook_size": 1024,
        "codebook_dim": 8,
        "sample_rate": sample_rate,
    }


def _funcodec(ratios: list, **conf) -> dict:
    time = conf == {}
    options = {"causal": False, "norm": "time_group_norm", "ratios": ratios, **conf}
    if not time:
        options |= {"norm_params": {"num_groups": 1}, "seq_model": "none", "dilation_base": 1}
    dimensions = "" if time else "_2d"
    return {
        "model": "encodec" if time else "freq_codec",
        "input_size": 1 if time else 3,
        "encoder": f"encodec_seanet_encoder{dimensions}",
        "encoder_conf": options,
        "quantizer": "costume_quantizer",
        "quantizer_conf": {
            "codebook_size": 1024,
            "num_quantizers": 32,
            "sampling_rate": 16000,
            "encoder_hop_length": 320,
        },
        "decoder": f"encodec_seanet_decoder{dimensions}",
        "decoder_conf": options
        if time
        else {**options, "channels": 3, "tr_conv_group_ratio": conf["conv_group_ratio"]},
        "model_conf": {
            "audio_normalize": True,
            "segment_dur": None,
            **({} if time else {"codec_domain": ["mag_phase", "mag_phase"]}),
        },
    }


_FREQUENCY = [[4, 1], [4, 1], [4, 2], [4, 1]]
#: Constructor arguments by codec. FunCodec's are from the public recipe, since its config.yaml files are unavailable.
MODELS = {
    "SpeechTokenizer": _SPEECHTOKENIZER,
    "academicodec_hifi_16k_320d": _HIFI_CODEC,
    "academicodec_hifi_16k_320d_large_uni": _HIFI_CODEC,
    "academicodec_hifi_24k_320d": _HIFI_CODEC,
    "audiodec_24k_320d": _AUDIODEC,
    "descript-audio-codec-16khz": _dac(16000, 12, [5, 8]),
    "descript-audio-codec-24khz": _dac(24000, 32, [5, 8]),
    "descript-audio-codec-44khz": _dac(44100, 9, [8, 8]),
    "encodec_24khz": {"n_q": 32},
    "funcodec-funcodec_en_libritts-16k-gr1nq32ds320": _funcodec(_FREQUENCY, conv_group_ratio=1),
    "funcodec-funcodec_en_libritts-16k-gr8nq32ds320": _funcodec(_FREQUENCY, conv_group_ratio=8),
    "funcodec-funcodec_en_libritts-16k-nq32ds320": _funcodec([8, 5, 4, 2]),
    "funcodec-funcodec_en_libritts-16k-nq32ds640": _funcodec([8, 5, 4, 2, 2]),
    "funcodec-funcodec_zh_en_general_16k_nq32ds320": _funcodec([8, 5, 4, 2]),
    "funcodec-funcodec_zh_en_general_16k_nq32ds640": _funcodec([8, 5, 4, 2, 2]),
}


def build(name: str, device: str = "cpu") -> codecs.TrainableCodec:
    """Build the full-size codec with random weights; on the device `meta` it has shapes only."""
    entry = {**config.codec(name), "model": MODELS[name]}
    adapter_class = codecs.family_class(entry["family"])
    torch.manual_seed(0)
    with torch.device(device):
        return adapter_class(entry, adapter_class.build(entry), device)


def save(name: str, folder: Path, change=lambda state: state) -> dict[str, Path]:
    """Write the files of a full-size codec under their published names, in float32.

    Args:
        change: function applied to each state_dict.

    Returns:
        The files by role.
    """
    adapter = build(name)
    family = adapter.entry["family"]
    keys = {role: Path(file["key"]) for role, file in adapter.entry["files"].items()}
    files = {role: folder / (Path(*key.parts[1:]) if family == "audiodec" else key.name) for role, key in keys.items()}
    for path in files.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    model = adapter.model

    def state(part: torch.nn.Module) -> dict:
        return change(part.state_dict())

    if family == "audiodec":
        for part in ("autoencoder", "vocoder"):
            torch.save({"model": {"generator": state(getattr(model, part))}, "steps": 500000}, files[part])
            files[f"{part}_config"].write_text(yaml.safe_dump({"generator_params": MODELS[name][part]}))
    elif family == "academicodec":
        parts = ("encoder", "quantizer", "generator")
        torch.save({part: state(getattr(model, part)) for part in parts}, files["checkpoint"])
        files["config"].write_text(json.dumps({**MODELS[name], "sampling_rate": adapter.sample_rate}))
    elif family == "dac":
        torch.save({"state_dict": state(model), "metadata": {"kwargs": MODELS[name]}}, files["checkpoint"])
    else:
        torch.save(state(model), files["checkpoint"])
    if family == "funcodec":
        files["config"].write_text(yaml.safe_dump(MODELS[name]))
    elif family == "speechtokenizer":
        files["config"].write_text(json.dumps({**MODELS[name], "sample_rate": 16000, "n_q": 8}))
    return files
