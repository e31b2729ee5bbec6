"""Labels for texts in int8. hfdl has none yet: the claims are written down, not measured."""

from __future__ import annotations

from benchmarks.harness.claim import Claim, Program

TEXT = "labels for texts of 4 to 300 words, int8"
PROGRAM = Program(
    name="int8",
    title="labels for texts of 4 to 300 words, MiniLM, int8",
    sides={},
    claims=(
        Claim("int8-onnxruntime", TEXT, "onnxruntime int8", at_least=1.0, missing="no int8 yet"),
        Claim("int8-ctranslate2", TEXT, "CTranslate2 int8", at_least=0.9, missing="no int8 yet"),
    ),
    settings={},
)  # fmt: skip
