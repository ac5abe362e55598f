"""The runs of a sweep as jobs of Slurm."""
