"""Derive edgetx/audio/silero_vad.npz, the weights of the speech detector, from the official package's wheel.

    pip download --no-deps silero-vad==6.2.3
    .venv/bin/python scripts/derive_speech_net.py silero_vad-6.2.3-py3-none-any.whl          # writes the file
    .venv/bin/python scripts/derive_speech_net.py silero_vad-6.2.3-py3-none-any.whl --check  # compares with the file

The weights lie in an ONNX file, which is a protocol buffer: the few fields needed are read here (onnx.proto: ModelProto
7 graph, GraphProto 5 initializer, TensorProto 1 dims, 8 name, 9 raw_data). They are turned into the matrices that
edgetx.audio.speech_net multiplies with, in half precision, which moves a probability by less than 0.01. The window of
the Fourier transform is not kept: it is Hann's, to the last digit, and computed.
"""

import argparse
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

MODEL = "silero_vad/data/silero_vad_16k_sequence.onnx"
LICENCE = "dist-info/licenses/LICENSE"
AUDIO = Path(__file__).parents[1] / "edgetx/audio"
TAPS = {"encoder.0": 3, "encoder.1": 3, "encoder.2": 3, "encoder.3": 1}
"""The last convolution hears one frame between two of padding: only its middle tap meets anything."""


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer's message: number and value (an integer or bytes)."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        if key & 7 == 0:
            value, at = varint(message, at)
            yield key >> 3, value
        else:
            size, at = varint(message, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
            yield key >> 3, message[at : at + size]
            at += size


def varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def initializers(onnx: bytes) -> dict[str, Array]:
    """The tensors that an ONNX file holds, by name."""
    (graph,) = (value for number, value in fields(onnx) if number == 7)
    found = {}
    for number, tensor in fields(graph):
        if number == 5:
            parts = list(fields(tensor))
            name, raw = (next(value for number, value in parts if number == wanted) for wanted in (8, 9))
            shape = [size for number, size in parts if number == 1]
            found[name.decode()] = np.frombuffer(raw, "<f4").reshape(shape)
    return found


def matrices(tensors: dict[str, Array]) -> dict[str, npt.NDArray[np.float16]]:
    """The weights as edgetx.audio.speech_net wants them."""
    found = {}
    for number, (name, taps) in enumerate(TAPS.items(), 1):
        kernel = tensors[f"{name}.weight"]  # [out, in, tap]
        kernel = kernel if taps == 3 else kernel[:, :, 1:2]
        found[f"conv{number}"] = kernel.transpose(2, 1, 0).reshape(-1, len(kernel))
        found[f"conv{number}_bias"] = tensors[f"{name}.bias"]
    inputs, states, biases = (tensors[f"onnx::LSTM_{number}"][0] for number in (209, 210, 211))
    found |= {"lstm_input": inputs.T, "lstm_state": states.T, "lstm_bias": biases[:512] + biases[512:]}
    found |= {"output": tensors["output.weight"][0, :, 0], "output_bias": tensors["output.bias"]}
    return {name: np.ascontiguousarray(matrix, np.float16) for name, matrix in found.items()}


def derived(wheel: Path) -> dict[str, bytes]:
    """The files of edgetx/audio that come of the wheel, by name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(wheel) as files:
        np.savez(packed, **matrices(initializers(files.read(MODEL))))
        (licence,) = (files.read(name) for name in files.namelist() if name.endswith(LICENCE))
    return {"silero_vad.npz": packed.getvalue(), "silero_vad.LICENSE": licence.rstrip() + b"\n"}


def same(one: bytes, other: bytes) -> bool:
    """Archives are the same when their files are: how they are packed is numpy's business, and changes with it."""
    packed = [zipfile.ZipFile(io.BytesIO(each)) for each in (one, other) if each.startswith(b"PK")]
    return one == other if len(packed) < 2 else unpacked(packed[0]) == unpacked(packed[1])


def unpacked(archive: zipfile.ZipFile) -> dict[str, bytes]:
    return {name: archive.read(name) for name in archive.namelist()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("wheel", type=Path)
    options.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    given = options.parse_args()
    for name, content in derived(given.wheel).items():
        if not given.check:
            (AUDIO / name).write_bytes(content)
        elif not same((AUDIO / name).read_bytes(), content):
            sys.exit(f"edgetx/audio/{name} is not what {given.wheel.name} gives")


if __name__ == "__main__":
    main()
