"""Several runs side by side: their figures with intervals, curves and the settings that differ."""
