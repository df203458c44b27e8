"""``python -m decentralml`` and the ``decentralml`` command."""

from decentralml.cli.main import main

if __name__ == "__main__":
    main()
