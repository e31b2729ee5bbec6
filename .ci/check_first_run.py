"""Check what the README promises of its first command: figures, predictions, under 5 minutes."""

import json
import re
import sys
from pathlib import Path

LIMIT = 300  # seconds of training on 2 cores
# A coin would be right half the time; with 160 sentences 0.62 is three standard errors away.
FLOOR = 0.62
README = Path(__file__).parents[1] / "README.md"
# Other machines take other times, compute in other precisions, and get other sentences wrong.
VARIES = ("precision:", "device", "completed after", "right", "wrong", "use it:")


def main(run: Path, printed: str) -> None:
    """Stop with a message where a promise is broken."""
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    seconds = metrics["runtime"]["seconds"]
    accuracy = metrics["validation"]["accuracy"]
    assert seconds < LIMIT, f"training took {seconds} s, the README promises under {LIMIT}"
    assert accuracy > FLOOR, f"validation accuracy is {accuracy}"
    for word in ("accuracy", "validation", "test", "prediction", f"hfdl predict {run}"):
        assert word in printed, f"the command did not print {word!r}"
    missing = [line for line in promised() if line not in plain(printed)]
    assert not missing, f"README.md says that the command prints these lines: {missing}"
    assert (run / "report.html").stat().st_size > 10_000
    print(f"first run: {seconds:.0f} s of training, validation accuracy {accuracy:.4f}")


def promised() -> list[str]:
    """The lines of the README's block that every machine prints, figures left out."""
    after = README.read_text(encoding="utf-8").partition("\nIt prints (")[2]
    block = after.partition("```text\n")[2].partition("\n```")[0]
    lines = [line for line in block.splitlines() if "..." not in line]
    return plain("\n".join(line for line in lines if not line.startswith(VARIES)))


def plain(text: str) -> list[str]:
    """Its lines, with a mark for each figure and single spaces."""
    return [" ".join(re.sub(r"[\d.,]*\d", "#", line).split()) for line in text.splitlines()]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8"))
