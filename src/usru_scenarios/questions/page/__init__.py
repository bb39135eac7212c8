"""What a page needs that answers "what if?" by itself: trials of the drivers, and the outcome's law, as plain data."""
