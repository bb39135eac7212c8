"""What a model means: its laws compiled to arrays, the scales of its numeric drivers, events on its paths."""
