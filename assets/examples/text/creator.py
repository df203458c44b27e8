"""The creator's side: a first model for the contributors, and the next one from theirs.

python creator.py make --data DIR --output DIR
python creator.py merge --models DIR DIR … --output DIR
python creator.py measure --model DIR --data DIR
"""

import sys
from pathlib import Path

from decentralml.learning.scripts import create

sys.path.insert(0, str(Path(__file__).parent / "task"))
from lesson import LESSON

if __name__ == "__main__":
    create(LESSON)
