"""Digits that are seen, heard and written, split among a creator, contributors and aggregators.

    python make_data.py --out DIR [--parts 3] [--seed 0]

An example is one digit three times: a real MNIST image with noise, a spoken clip in noise (of the
audio example's ``clips.safetensors``), and its English word with errors of typing. Which digits a
contributor has is skewed, and each hears mostly the voices of one region; the aggregators have all
of them alike, in takes that nobody trains on. Needs mlxtend (the extra ``examples``).
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from decentralml.errors import LearningError
from decentralml.learning.examples import (
    INPUTS_FILE,
    LABELS_FILE,
    Examples,
    Split,
    read_mnist,
    split_mnist,
    write_tensors,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "audio"))
from clips import HELD_OUT, REGIONS, TRAINING, Clips, read_clips, to_mu_law, voice_near

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LETTERS = 10
"""Of a word, at most; zeros follow its end."""
SAMPLES = 6400
"""Of a clip: 0.8 seconds at 8 kHz."""
LOUDNESS = 0.1
"""Of a recording: its mean power is the square."""
GREY_NOISE = 70
"""Standard deviation, of 255 grey levels."""
DECIBELS = (-3, 9)
"""By which the voice is louder than the hiss."""
TYPING = 2
"""Errors in a word: a letter left out, doubled, exchanged with the next, or another."""
SPLIT = Split(creator=8, validation=30, test=60, home=4)
USED = 700
"""Examples of a contributor, at most."""


def senses(
    digits: Examples, clips: Clips, region: range | None, takes: tuple[int, ...], seed: int
) -> dict:
    """``image`` [N, 28, 28], ``audio`` [N, 6400] (mu-law) and ``text`` [N, 10] (bytes)."""
    rng = np.random.default_rng(seed)
    numbers = digits.labels.tolist()
    image = digits.inputs + rng.normal(0, GREY_NOISE, digits.inputs.shape)
    clip = [clips[voice_near(region, rng), digit, int(rng.choice(takes))] for digit in numbers]
    return {
        "image": np.clip(image, 0, 255).astype(np.uint8),
        "audio": np.stack([to_mu_law(heard(sound[:SAMPLES], rng)) for sound in clip]),
        "text": np.stack([written(digit, rng) for digit in numbers]),
    }


def heard(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A clip somewhere in hiss, all recordings equally loud."""
    loudness = np.sqrt((clip**2).mean()) * 10 ** (-rng.uniform(*DECIBELS) / 20)
    sound = rng.normal(0, loudness, SAMPLES)
    before = rng.integers(0, SAMPLES - len(clip) + 1)
    sound[before : before + len(clip)] += clip
    return sound * LOUDNESS / np.sqrt((sound**2).mean())


def written(digit: int, rng: np.random.Generator) -> np.ndarray:
    """A digit's word as bytes, with errors."""
    word = list(WORDS[digit])
    for _ in range(TYPING):
        at = int(rng.integers(len(word)))
        match rng.integers(4):
            case 0 if len(word) > 1:
                del word[at]
            case 1:
                word.insert(at, word[at])
            case 2:
                word[at : at + 2] = reversed(word[at : at + 2])
            case _:
                word[at] = chr(ord("a") + int(rng.integers(26)))
    stored = np.zeros(LETTERS, np.uint8)
    stored[: len(word)] = np.frombuffer("".join(word).encode(), np.uint8)
    return stored


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    clips = read_clips()
    folders = split_mnist(read_mnist(), options.parts, options.seed, SPLIT)
    for number, (name, digits) in enumerate(folders.items()):
        takes = HELD_OUT if name in ("validation", "test") else TRAINING
        region = None
        if name.startswith("contributor-"):
            region = REGIONS[(int(name.split("-")[1]) - 1) % len(REGIONS)]
        used = digits[np.arange(min(len(digits), USED))]
        inputs = senses(used, clips, region, takes, options.seed * 1000 + number)
        write_tensors(options.out / name / INPUTS_FILE, inputs)
        write_tensors(options.out / name / LABELS_FILE, {"labels": used.labels})
        print(f"{name}: {len(used)} digits")


if __name__ == "__main__":
    try:
        main()
    except LearningError as error:
        sys.exit(str(error))
