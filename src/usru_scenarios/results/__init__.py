"""What the questions answer: plain values with a versioned JSON form, one module for each question.

The attributes of each class are the keys of its JSON. Lists run over the steps. A minor version of a format adds keys,
a major one may change them.
"""
