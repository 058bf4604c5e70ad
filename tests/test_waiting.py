"""How torch's threads wait: the user's choice goes before the program's, which is made before torch is imported."""

import subprocess
import sys

import pytest

from lit_samseg.runtime.waiting import SETTINGS, WAITING, choose_waiting


def test_the_users_choice_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WAITING, "GOMP_SPINCOUNT", "7")
    for name in SETTINGS:
        environment = {name: "1"}
        choose_waiting(environment)
        assert environment == {name: "1"}
    environment = {"HOME": "/"}
    choose_waiting(environment)
    assert environment["GOMP_SPINCOUNT"] == "7"


def test_it_is_chosen_before_torch_is_imported() -> None:
    code = (
        "import os, sys\n"
        "from lit_samseg import __main__\n"
        "from lit_samseg.runtime import waiting\n"
        "waiting.WAITING['GOMP_SPINCOUNT'] = '7'\n"
        "class Stop:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch':\n"
        "            print(os.environ.get('GOMP_SPINCOUNT'), flush=True)\n"
        "            os._exit(0)\n"
        "sys.meta_path.insert(0, Stop())\n"
        "__main__.main(['test'])\n"
    )
    clean = {"PATH": "", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=clean)
    assert done.stdout == "7\n", done.stderr
