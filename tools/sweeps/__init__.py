"""What `course.py sweep NAME` computes: a module NAME with two functions.

`settings()` returns a list of dicts, one for each row of the table: numbers and strings that say
what is run, the seed as "seed" (left out where nothing is drawn). `compute(setting)` runs one of
them and returns a dict of numbers. A dict with other settings is another row: what a change of the
code must not leave unnoticed, such as the number of epochs, belongs into the settings.
"""
