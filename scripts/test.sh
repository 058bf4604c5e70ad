#!/usr/bin/env bash
# Installs lit_samseg into .venv and runs its tests. Further options go to pytest (-m slow, -k name).
source "$(dirname "$0")/setup.sh"
install_into_venv ".[test]"
python -m pytest "$@"
