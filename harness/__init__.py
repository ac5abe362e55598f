"""Which sequence encoder, for my data, on my hardware, and at what cost?"""

__version__ = "0.1.0"
