"""Photographs that come with the course; CREDITS.txt says whose they are."""
