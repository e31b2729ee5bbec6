"""What commands are given: the options that several share, and what a shell offers after Tab."""
