"""What commands put out: text, tables and summaries on the screen, and files given by --output."""
