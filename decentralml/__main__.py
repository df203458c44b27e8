"""``python -m decentralml`` and the ``decentralml`` command."""

import sys

try:
    from decentralml.cli.main import main
except KeyboardInterrupt:  # so early that the command line is not there yet to say it
    sys.exit(130)

__all__ = ["main"]

if __name__ == "__main__":
    main()
