#!/usr/bin/env bash
# Installs lit_samseg into .venv and runs its tests, in a few processes (-n 0: in one). Further options go to pytest
# (-m slow, -k name).
source "$(dirname "$0")/setup.sh"
install_into_venv ".[test]"
# A thread each: two processes that both use all cores are many times slower.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# One more than there are cores: some tests wait for processes of their own.
workers=$(python -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
python -m pytest -n "$workers" --dist loadfile --no-loadscope-reorder "$@"
