"""Check what the README promises of its first command: figures, predictions, under 5 minutes."""

import json
import sys
from pathlib import Path

LIMIT = 300  # seconds of training on 2 cores
# A coin would be right half the time; with 160 sentences 0.62 is three standard errors away.
FLOOR = 0.62


def main(run: Path, printed: str) -> None:
    """Stop with a message where a promise is broken."""
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    seconds = metrics["runtime"]["seconds"]
    accuracy = metrics["validation"]["accuracy"]
    assert seconds < LIMIT, f"training took {seconds} s, the README promises under {LIMIT}"
    assert accuracy > FLOOR, f"validation accuracy is {accuracy}"
    for word in ("accuracy", "validation", "test", "prediction", f"hfdl predict {run}"):
        assert word in printed, f"the command did not print {word!r}"
    assert (run / "report.html").stat().st_size > 10_000
    print(f"first run: {seconds:.0f} s of training, validation accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8"))
