"""How likely is each scenario?"""
