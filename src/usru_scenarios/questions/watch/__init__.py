"""What to watch: which observations would move the forecast most, in expectation?"""
