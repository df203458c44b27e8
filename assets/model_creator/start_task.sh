#!/bin/sh
# Makes the first model. Folders come as DML_DATA and DML_OUTPUT, as in every bundle.
set -eu
cd "$(dirname "$0")"
exec python model_creator.py make "$@"
