"""What ``hfdl predict`` and ``hfdl embed`` read and write: texts, answers, rows, vectors."""
