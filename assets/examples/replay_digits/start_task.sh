#!/bin/sh
# What `decentralml run-task` starts in the sandbox, and what the committee starts to replay.
set -eu
cd "$(dirname "$0")"
exec python train.py
