"""``harness choose``: which variant to take, decided within a budget of time.

``plan`` decides what runs next, ``bench`` runs it through the sweep's launcher, ``judge`` says how each candidate
stands, ``answer`` puts the result into words, ``spending`` keeps the time that it took, ``sweeper`` joins them.
"""
