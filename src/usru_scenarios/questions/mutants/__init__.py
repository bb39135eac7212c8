"""Would it be noticed if the model meant something else?"""
