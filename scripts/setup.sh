# Sourced by demo.sh, test.sh and .ci/run: makes .venv and installs the project into it, once per pyproject.toml.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install_into_venv() { # install_into_venv REQUIREMENT
    local python=${PYTHON:-python3} venv=${VENV:-.venv}
    case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "lit_samseg needs Python 3.11 or newer; set PYTHON to one" >&2
        exit 2
    }
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    local stamp
    stamp="$1 $(cksum <pyproject.toml)"
    # Without network a second run must not ask for what is installed already.
    if ! grep -qxF "$stamp" "$venv/installed" 2>/dev/null; then
        "$venv/bin/python" -m pip install --quiet --editable "$1"
        echo "$stamp" >>"$venv/installed"
    fi
    PATH="$venv/bin:$PATH"
}
