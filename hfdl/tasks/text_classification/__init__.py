"""Text classification, single texts and pairs, and regression."""
