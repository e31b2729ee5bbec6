"""From tables as files hold them to tables with an example a row, whatever tool wrote the file."""
