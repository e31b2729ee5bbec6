"""What errors tell a user to type: where such texts stand, what they say, and typing it."""
