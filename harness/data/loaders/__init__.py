"""Loaders of data sets from files, folders and the hub."""
