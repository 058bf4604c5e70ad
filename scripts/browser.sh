#!/usr/bin/env bash
# Installs what the report's tests look through: the system's Chromium (Debian, Ubuntu) and axe-core from npm.
source "$(dirname "$0")/setup.sh"
venv=${VENV:-.venv}
if ! command -v chromium chromium-browser google-chrome >/dev/null; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
if ! command -v npm >/dev/null; then
    echo "npm is needed for axe-core; install Node.js (apt-get install npm)" >&2
    exit 2
fi
npm install --silent --no-audit --no-fund --prefix "$venv/axe" axe-core@4
