"""Made ``clips.safetensors``: the ten digits, said by the speech programs of Debian.

    apt install espeak-ng flite
    python make_clips.py [--output clips.safetensors]

Eighteen voices in three groups, British and American ones of eSpeak NG, and those that Flite
made of recordings; each says each digit three times, at other speeds and pitches. A clip is cut
to what can be heard and kept as 8-bit mu-law at 8 kHz (ITU-T G.711), as a telephone would.
``clips.safetensors`` is in the repository: this has to run only to change it. Needs SciPy.
"""

import argparse
import io
import subprocess
import wave
from pathlib import Path

import numpy as np
from clips import RATE, to_mu_law
from safetensors.numpy import save_file
from scipy.signal import resample_poly

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
VOICES = (
    # British
    "en-gb", "en-gb-scotland+f2", "en-gb-scotland+m3", "en-gb-x-rp+f3", "en-gb-x-gbclan+m2",
    "en-gb-x-gbcwmd+f1",
    # American
    "en-us+m4", "en-us+f4", "en-us-nyc+m5", "en-us+Andy", "en-us+f5", "en-us-nyc+m7",
    # Recorded, but for the Caribbean ones
    "flite-slt", "flite-rms", "flite-awb", "flite-kal16", "en-029+m6", "en-029+f3",
)  # fmt: skip
TAKES = ((140, 45, 1.0), (165, 55, 0.9), (150, 38, 1.1))
"""Of eSpeak, words a minute and pitch (0 to 99); of Flite, how much the sound is stretched."""
AUDIBLE = 0.03
"""Of the loudest sample: what is quieter, before and after, is cut."""


def speak(voice: str, word: str, take: int) -> tuple[np.ndarray, int]:
    """The sound of a word, -1 to 1, and its samples a second."""
    speed, pitch, stretch = TAKES[take]
    if voice.startswith("flite-"):
        command = ["flite", "-voice", voice.removeprefix("flite-")]
        command += ["--setf", f"duration_stretch={stretch}", "-t", word, "-o", "/dev/stdout"]
    else:
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", word]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(data)) as sound:
        # What a pipe gets says nothing true about its length: all that follows is the sound.
        samples = np.frombuffer(data[44:], "<i2") / 32768
        return samples, sound.getframerate()


def trimmed(samples: np.ndarray) -> np.ndarray:
    """Without the silence around it, as loud as any other."""
    loud = np.abs(samples) > AUDIBLE * np.abs(samples).max()
    first, last = np.flatnonzero(loud)[[0, -1]]
    kept = samples[max(0, first - RATE // 100) : last + RATE // 50]
    return kept / np.abs(kept).max() * 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).with_name("clips.safetensors")
    parser.add_argument("--output", type=Path, default=default)
    output = parser.parse_args().output
    clips, digits, voices, takes = [], [], [], []
    for number, voice in enumerate(VOICES):
        for digit, word in enumerate(WORDS):
            for take in range(len(TAKES)):
                samples, rate = speak(voice, word, take)
                clips.append(to_mu_law(trimmed(resample_poly(samples, RATE, rate))))
                digits.append(digit)
                voices.append(number)
                takes.append(take)
    tensors = {
        "samples": np.concatenate(clips),
        "lengths": np.array([len(clip) for clip in clips], np.int32),
        "digits": np.array(digits, np.uint8),
        "voices": np.array(voices, np.uint8),
        "takes": np.array(takes, np.uint8),
    }
    save_file(tensors, output, metadata={"rate": str(RATE), "voices": " ".join(VOICES)})
    longest = max(map(len, clips)) / RATE
    print(f"{len(clips)} clips of up to {longest:.2f} s, {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
