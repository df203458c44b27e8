#!/bin/sh
# Prepares an environment for this bundle. Runs outside the sandbox, and only when the user trusts
# it: decentralml run-task ID --trust-setup
set -eu
cd "$(dirname "$0")"
python -m pip install --disable-pip-version-check -r requirements.txt
