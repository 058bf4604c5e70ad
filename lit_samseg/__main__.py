"""``python -m lit_samseg`` is ``lit-samseg``."""

from lit_samseg.cli import main

if __name__ == "__main__":
    main()
