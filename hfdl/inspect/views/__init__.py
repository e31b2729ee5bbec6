"""Attention maps as pictures: a PNG, and a page that answers to the mouse and the keyboard."""
