"""Sections of report.html, one a module."""
