#!/bin/sh
# What `decentralml run-task` starts in the sandbox. Folders come as DML_DATA, DML_OUTPUT, …
set -eu
cd "$(dirname "$0")"
exec python train.py "$@"
