"""What all measurements share: processes in turn, ratios, the machine's limit, results, tables."""
