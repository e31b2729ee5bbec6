"""Labels for texts in int8. Measured by ``benchmarks/inference_int8.py``, not by the suite."""

from __future__ import annotations

from benchmarks.harness.claim import Claim, Program

TEXT = "labels for texts of 4 to 300 words, int8"
ELSEWHERE = "not in this suite: benchmarks/inference_int8.py"
PROGRAM = Program(
    name="int8",
    title="labels for texts of 4 to 300 words, MiniLM, int8",
    sides={},
    claims=(
        Claim("int8-onnxruntime", TEXT, "onnxruntime int8", at_least=1.0, missing=ELSEWHERE),
        Claim("int8-ctranslate2", TEXT, "CTranslate2 int8", at_least=0.9, missing=ELSEWHERE),
    ),
    settings={},
)  # fmt: skip
