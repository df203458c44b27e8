"""Coded updates: what travels, what is left for later, and what a hostile sender may try."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from decentralml.bundles.coding import Coding
from decentralml.bundles.manifest import TensorSpec
from decentralml.errors import CodingInvalid, DamagedUpdate, NotFinite, StructureMismatch
from decentralml.learning.compress.decode import CodedUpdate, decode
from decentralml.learning.compress.encode import encode
from decentralml.learning.compress.quantize import dequantize, quantize
from decentralml.learning.compress.sparse import from_gaps, largest, to_gaps
from decentralml.learning.mean import weighted_mean
from decentralml.learning.sources import ArraySource
from decentralml.learning.tensors import TensorFile, TensorWriter
from decentralml.learning.update import Update

CODINGS = ("q8", "q4", "q2", "top1%", "top10%-q4", "top5%-q2", "top100%", "top0.5%-q8")


def models(seed: int = 0, size: int = 200_000) -> tuple[dict[str, np.ndarray], ...]:
    """A base model and one trained a little, with tensors of every kind."""
    random = np.random.default_rng(seed)
    base = {
        "weight": random.normal(size=(size // 100, 100)).astype(np.float32),
        "half": random.normal(size=3000).astype(np.float16),
        "bias": random.normal(size=10).astype(np.float32),
        "count": np.array(7, np.int64),
        "mask": np.array([True, False]),
    }
    model = {
        name: (values + 0.01 * random.standard_normal(values.shape)).astype(values.dtype)
        if values.dtype.kind == "f"
        else values
        for name, values in base.items()
    }
    model["count"] = np.array(9, np.int64)
    return base, model


def coded(base, model, folder: Path, coding: Coding, **options: object) -> Path:
    file = folder / "update.safetensors"
    encode(ArraySource(base), ArraySource(model), file, coding, **options)
    return file


@pytest.mark.parametrize(
    ("text", "percent", "bits"),
    [("q8", "", 8), ("top1%", "1", 32), ("top0.5%-q4", "0.5", 4), ("top100%-q2", "100", 2)],
)
def test_a_coding_is_read_and_written_as_people_say_it(text, percent, bits):
    coding = Coding.parse(text)
    assert (coding.percent, coding.bits, str(coding)) == (percent, bits, text)


@pytest.mark.parametrize(
    "text", ["", "q3", "q16", "top0%", "top101%", "-q4", "top1%q4", "q4-top1%"]
)
def test_an_unknown_coding_is_refused(text):
    with pytest.raises(CodingInvalid, match="use q8"):
        Coding.parse(text)


@pytest.mark.parametrize("bits", [8, 4, 2])
@given(values=st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=700))
@settings(max_examples=50, deadline=None)
def test_codes_are_within_half_a_step_and_zero_stays_zero(bits, values):
    given_values = np.array(values, np.float32)
    packed, scales = quantize(given_values, bits)
    assert len(packed) == -(-len(values) * bits // 8)
    back = dequantize(packed, scales, bits, len(values))
    assert (back[given_values == 0] == 0).all()
    if bits > 2:
        step = np.repeat(scales, 256)[: len(values)]
        assert (np.abs(back - given_values) <= 0.5001 * step + 1e-30).all()


@given(places=st.sets(st.integers(0, 5000), max_size=300))
@settings(max_examples=100, deadline=None)
def test_places_come_back_from_their_gaps(places):
    wanted = np.array(sorted(places), np.int64)
    assert from_gaps(to_gaps(wanted)).tolist() == wanted.tolist()


def test_the_largest_are_chosen_and_of_equal_ones_the_first():
    values = np.array([1, -3, 2, 3, 2, 0], np.float32)
    assert largest(values, 3).tolist() == [1, 2, 3]


@pytest.mark.parametrize("text", CODINGS)
def test_what_is_told_and_what_is_left_untold_make_up_the_whole_update(text, tmp_path):
    base, model = models()
    coding = Coding.parse(text)
    untold = tmp_path / "untold.safetensors"
    file = coded(base, model, tmp_path, coding, untold_out=untold)
    decode(file, ArraySource(base), coding, tmp_path / "model.safetensors")
    found, left = load_file(tmp_path / "model.safetensors"), load_file(untold)
    for name in ("bias", "count", "mask"):
        assert (found[name] == model[name]).all() and found[name].dtype == model[name].dtype
    for name, close in (("weight", 1e-6), ("half", 2e-3)):
        whole = found[name].astype(np.float64) + left[name].reshape(base[name].shape)
        assert np.abs(whole - model[name].astype(np.float64)).max() < close
    if coding.sparse:
        moved = np.count_nonzero(found["weight"] != base["weight"])
        assert moved <= coding.most(base["weight"].size)


def test_error_feedback_brings_everything_in_the_end(tmp_path):
    """The same small step at each round: what top-k leaves out at first is told later."""
    coding = Coding.parse("top10%-q8")
    base = {"weight": np.zeros(5000, np.float32)}
    step = np.random.default_rng(1).normal(size=5000).astype(np.float32)
    server = base["weight"].copy()
    untold = None
    for number in range(60):
        untold_out = tmp_path / f"untold{number}.safetensors"
        file = coded(
            {"weight": server},
            {"weight": server + step},
            tmp_path,
            coding,
            untold=untold,
            untold_out=untold_out,
        )
        decode(file, ArraySource({"weight": server}), coding, tmp_path / "model.safetensors")
        server = load_file(tmp_path / "model.safetensors")["weight"]
        untold = TensorFile.open(untold_out)
    assert np.corrcoef(server, step)[0, 1] > 0.97
    assert np.linalg.norm(server / 60 - step) / np.linalg.norm(step) < 0.15


@pytest.mark.parametrize("text", ["q4", "top3%-q4"])
@pytest.mark.parametrize(("start", "count"), [(0, 200_000), (65_530, 20), (1234, 131_072)])
def test_any_piece_can_be_decoded_by_itself(text, start, count, tmp_path):
    base, model = models()
    coding = Coding.parse(text)
    file = coded(base, model, tmp_path, coding)
    decode(file, ArraySource(base), coding, tmp_path / "model.safetensors")
    whole = load_file(tmp_path / "model.safetensors")["weight"].reshape(-1)
    piece = bytearray(4 * count)
    CodedUpdate.open(file, ArraySource(base), coding).fill("weight", start, memoryview(piece))
    assert bytes(piece) == whole[start : start + count].tobytes()


def test_coded_updates_merge_as_the_models_they_stand_for(tmp_path):
    coding = Coding.parse("top5%-q4")
    base, _ = models()
    plain, streamed = [], []
    for seed in (1, 2, 3):
        _, model = models(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        file = coded(base, model, folder, coding)
        decode(file, ArraySource(base), coding, folder / "model.safetensors")
        source = CodedUpdate.open(file, ArraySource(base), coding)
        plain.append(Update(folder / "model.safetensors", seed))
        streamed.append(Update(file, seed, source=source))
    weighted_mean(plain, tmp_path / "plain.safetensors")
    weighted_mean(streamed, tmp_path / "streamed.safetensors")
    assert (tmp_path / "plain.safetensors").read_bytes() == (
        tmp_path / "streamed.safetensors"
    ).read_bytes()


def test_one_in_a_hundred_in_four_bits_is_over_a_hundred_times_smaller(tmp_path):
    base, model = models(size=1_000_000)
    dense = tmp_path / "dense.safetensors"
    save_file(model, dense)
    small = coded(base, model, tmp_path, Coding.parse("top1%-q4"))
    assert dense.stat().st_size / small.stat().st_size > 100


def test_another_structure_is_not_coded(tmp_path):
    base, model = models()
    del model["bias"]
    with pytest.raises(StructureMismatch, match="bias"):
        coded(base, model, tmp_path, Coding.parse("q8"))


def test_a_model_with_nan_is_not_coded(tmp_path):
    base, model = models()
    model["weight"][3, 5] = np.nan
    with pytest.raises(NotFinite, match="weight"):
        coded(base, model, tmp_path, Coding.parse("top1%"))


def damaged_gaps_count(parts):
    parts["weight|counts"][0, 0] += 1


def damaged_gaps_outside(parts):
    parts["weight|gaps"][:] = 254


def damaged_values(parts):
    parts["weight|values"] = parts["weight|values"][:-1]


def damaged_scale(parts):
    parts["weight|scales"][0] = np.inf


def damaged_many(parts):
    parts["weight|counts"][0] = (1 << 31, 1)


def damaged_missing(parts):
    del parts["bias|raw"]


def damaged_extra(parts):
    parts["more|raw"] = np.zeros(3, np.float32)


def damaged_coding(parts):
    parts["|coding"] = np.frombuffer(b"decentralml/update@1 q8", np.uint8)


def test_a_huge_word_for_the_coding_is_not_read(tmp_path):
    base = ArraySource({"weight": np.zeros(1000, np.float32)})
    file = tmp_path / "update.safetensors"
    huge = 1 << 40  # More than any memory; on the disk it takes nothing.
    with file.open("wb") as stream:
        TensorWriter(stream, {"|coding": TensorSpec("U8", (huge,))})
        stream.truncate(stream.tell() + huge)
    with pytest.raises(DamagedUpdate, match="not coded as q8"):
        CodedUpdate.open(file, base, Coding.parse("q8"))


@pytest.mark.parametrize(
    "damage",
    [
        damaged_gaps_count,
        damaged_gaps_outside,
        damaged_values,
        damaged_scale,
        damaged_many,
        damaged_missing,
        damaged_extra,
        damaged_coding,
    ],
)
def test_a_malformed_update_is_refused_before_it_is_used(damage, tmp_path):
    base, model = models()
    coding = Coding.parse("top3%-q4")
    file = coded(base, model, tmp_path, coding)
    parts = {name: values.copy() for name, values in load_file(file).items()}
    damage(parts)
    save_file(parts, file)
    with pytest.raises(DamagedUpdate, match="send it again"):
        decode(file, ArraySource(base), coding, tmp_path / "model.safetensors")
    assert not (tmp_path / "model.safetensors").exists()
