"""``hydra/launcher=devices``: the jobs of a sweep side by side on one machine, each pinned to a slot of its own.

``launcher`` gives jobs to slots, ``job_process`` is the process in which the jobs of one slot run, ``shared_memory``
knows what slots share, and ``claims`` gives the jobs of other launchers an accelerator of their own.
"""
