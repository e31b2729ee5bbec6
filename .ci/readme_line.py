"""Print the one-line command of README.md that stands under ``<!-- ci: NAME -->``."""

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def readme_line(name: str, text: str) -> str:
    """The command under the marker; exactly one line, or the README has drifted."""
    found = re.findall(rf"<!-- ci: {name} -->\n```(?:bash|sh)\n(.*?)\n```", text, re.DOTALL)
    if len(found) != 1 or "\n" in found[0].strip():
        raise SystemExit(f"README.md must hold one one-line command under <!-- ci: {name} -->")
    return found[0].strip()


if __name__ == "__main__":
    print(readme_line(sys.argv[1], README.read_text(encoding="utf-8")))
