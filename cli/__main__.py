"""``python -m hfdl.cli`` is ``hfdl``."""

from . import main

if __name__ == "__main__":
    main()
