#!/usr/bin/env bash
# Installs lit_samseg into .venv and runs the built-in world. Further options are passed on.
source "$(dirname "$0")/setup.sh"
install_into_venv ".[test]"
lit-samseg test --config configs/demo.yaml "$@"
