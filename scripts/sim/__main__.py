"""``python scripts/sim``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from sim.run import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
