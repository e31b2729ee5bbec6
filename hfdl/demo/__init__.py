"""``hfdl demo``: trained models as a page in the browser; ``hfdl.demo.launch`` from Python."""
