# Sourced by demo.sh and test.sh: makes .venv and installs the project into it, once per pyproject.toml.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install_into_venv() { # install_into_venv REQUIREMENT...
    local python=${PYTHON:-python3} venv=${VENV:-.venv}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "lit_samseg needs Python 3.11 or newer; set PYTHON to one" >&2
        exit 2
    }
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    local stamp
    stamp="$* $(cksum <pyproject.toml)"
    # Offline, a second run must not ask the network for what is installed already.
    if [ "$(cat "$venv/installed" 2>/dev/null)" != "$stamp" ]; then
        "$venv/bin/python" -m pip install --quiet --editable "$@"
        echo "$stamp" >"$venv/installed"
    fi
    PATH="$PWD/$venv/bin:$PATH"
}
