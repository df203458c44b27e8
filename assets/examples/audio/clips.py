"""The clips of ``clips.safetensors``, and the mu-law that they are kept in."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

RATE = 8000
"""Samples a second."""
REGIONS = (range(6), range(6, 12), range(12, 18))
"""Numbers of the voices: British, American, recorded and Caribbean (see ``make_clips.py``)."""
HOME = 0.7
"""How much of what a contributor hears is of its own region; the rest is of all of them."""
TRAINING, HELD_OUT = (0, 1), (2,)
"""Takes: each voice says each digit three times."""

EVERYONE = [voice for region in REGIONS for voice in region]


def voice_near(region: range | None, rng: np.random.Generator) -> int:
    """Whom a contributor of that region hears next; whoever has none hears all alike."""
    home = region is not None and rng.random() < HOME
    return int(rng.choice(region if home and region is not None else EVERYONE))


Clips = dict[tuple[int, int, int], np.ndarray]


def read_clips() -> Clips:
    """Sounds of -1 to 1 by voice, digit and take."""
    stored = load_file(Path(__file__).with_name("clips.safetensors"))
    sounds = np.split(from_mu_law(stored["samples"]), np.cumsum(stored["lengths"])[:-1])
    keys = zip(stored["voices"], stored["digits"], stored["takes"], strict=True)
    named = ((int(voice), int(digit), int(take)) for voice, digit, take in keys)
    return dict(zip(named, sounds, strict=True))


def from_mu_law(stored: np.ndarray) -> np.ndarray:
    """Samples of -1 to 1 from bytes (ITU-T G.711, its curve without its segments)."""
    packed = stored / 127.5 - 1
    return np.sign(packed) * (256 ** np.abs(packed) - 1) / 255


def to_mu_law(samples: np.ndarray) -> np.ndarray:
    """Bytes of samples; those beyond -1 to 1 are cut. 128 is silence."""
    samples = np.clip(samples, -1, 1)
    packed = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    return np.rint((packed + 1) / 2 * 255).astype(np.uint8)
