"""``python -m hfdl.cli`` is ``hfdl``."""

import sys
from pathlib import Path

# Python has put the working directory first: a file there of a module's name would be run in its
# place. A task of the user's own is found by its own way.
if not sys.flags.safe_path and sys.path[:1] and Path(sys.path[0] or ".").resolve() == Path.cwd():
    del sys.path[0]

from . import main

if __name__ == "__main__":
    main()
