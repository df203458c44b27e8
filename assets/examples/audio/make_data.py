"""Spoken numbers of two to five digits, split among a creator, contributors and aggregators.

    python make_data.py --out DIR [--seed 0]

Said by one voice each, put together of the clips in ``clips.safetensors`` (see
``make_clips.py``), with pauses; half of them with noise: hiss, the hum of mains, or other voices.
Each contributor has mostly the voices of one region and one kind of noise; the aggregators have
all of them alike, in takes that nobody trains on. Sound is 8-bit mu-law at 8 kHz.
"""

import argparse
from pathlib import Path

import numpy as np
from clips import (
    EVERYONE,
    HELD_OUT,
    HOME,
    RATE,
    REGIONS,
    TRAINING,
    read_clips,
    to_mu_law,
    voice_near,
)

from decentralml.learning.examples import INPUTS_FILE, LABELS_FILE, write_tensors

SECONDS = 3.6
DIGITS = (2, 5)
PAUSE = (0.02, 0.15)
"""Seconds between digits."""
LOUDNESS = 0.1
"""Of clean speech, at most: mean power is its square."""
NOISE = (3, 12)
"""Decibels by which the speech is louder than the noise."""
KINDS = ("hiss", "hum", "babble")


class Speech:
    """The clips, and what is said with them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.clips, self.rng = read_clips(), rng

    def number(self, digits: list[int], voice: int, takes: tuple[int, ...]) -> np.ndarray:
        """Some digits, one after the other, somewhere in an otherwise silent recording."""
        said = []
        for digit in digits:
            said.append(self.clips[voice, digit, int(self.rng.choice(takes))])
            said.append(np.zeros(round(RATE * self.rng.uniform(*PAUSE))))
        sound = np.concatenate(said)[: round(RATE * SECONDS)]
        before = self.rng.integers(0, round(RATE * SECONDS) - len(sound) + 1)
        full = np.zeros(round(RATE * SECONDS))
        full[before : before + len(sound)] = sound
        return full * LOUDNESS / np.sqrt((sound**2).mean())

    def noise(self, kind: str, takes: tuple[int, ...]) -> np.ndarray:
        """Noise as long as a recording."""
        length = round(RATE * SECONDS)
        if kind == "hiss":
            return self.rng.normal(0, 1, length)
        if kind == "hum":
            time = np.arange(length) / RATE
            tones = 50 * np.arange(1, 12)[:, None]
            phases = self.rng.uniform(0, 2 * np.pi, (11, 1))
            return (np.sin(2 * np.pi * tones * time + phases) / np.arange(1, 12)[:, None]).sum(0)
        voices = self.rng.choice(EVERYONE, 6)
        return sum(self.number(self.digits(5), int(voice), takes) for voice in voices)

    def digits(self, count: int) -> list[int]:
        return self.rng.integers(0, 10, count).tolist()

    def recordings(self, count: int, home: int | None, takes: tuple[int, ...]) -> tuple[dict, dict]:
        """Inputs and labels; half of the recordings are noisy.

        ``home`` is the region, and the kind of noise, that most of them are of.
        """
        region = None if home is None else REGIONS[home]
        sounds, words = [], np.full((count, DIGITS[1]), -1, np.int64)
        noisy = self.rng.permutation(count) % 2
        for number in range(count):
            digits = self.digits(int(self.rng.integers(DIGITS[0], DIGITS[1] + 1)))
            words[number, : len(digits)] = digits
            sound = self.number(digits, voice_near(region, self.rng), takes)
            if noisy[number]:
                noise = self.noise(self.kind(home), takes)
                power = LOUDNESS * 10 ** (-self.rng.uniform(*NOISE) / 20)
                sound = sound + noise * power / np.sqrt((noise**2).mean())
            sounds.append(to_mu_law(sound))
        labels = {"words": words, "noisy": noisy.astype(np.uint8)}
        return {"inputs": np.stack(sounds)}, labels

    def kind(self, home: int | None) -> str:
        if home is not None and self.rng.random() < HOME:
            return KINDS[home]
        return str(self.rng.choice(KINDS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    speech = Speech(np.random.default_rng(options.seed))
    folders = {
        "creator": (180, None, TRAINING),
        "validation": (200, None, HELD_OUT),
        "test": (400, None, HELD_OUT),
    }
    for home in range(len(REGIONS)):
        folders[f"contributor-{home + 1}"] = (400, home, TRAINING)
    for name, wanted in folders.items():
        inputs, labels = speech.recordings(*wanted)
        write_tensors(options.out / name / INPUTS_FILE, inputs)
        write_tensors(options.out / name / LABELS_FILE, labels)
        print(f"{name}: {len(inputs['inputs'])} recordings")


if __name__ == "__main__":
    main()
