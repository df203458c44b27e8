"""The creator's side: a first meta-learner, and what one is worth on clients of one's own.

python creator.py make --output DIR
python creator.py measure --model DIR --data DIR
"""

import sys
from pathlib import Path

from decentralml.learning.meta.scripts import create

sys.path.insert(0, str(Path(__file__).parent / "task"))
from lesson import LESSON

if __name__ == "__main__":
    create(LESSON, Path(__file__).parent / "task")
