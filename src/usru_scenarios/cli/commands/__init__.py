"""The commands, each a function of the same name in a module of its own."""
