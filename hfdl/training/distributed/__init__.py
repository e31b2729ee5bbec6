"""Several processes that train together: starting them, what they share, and losing one."""
