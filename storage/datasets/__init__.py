"""Versions of datasets in object stores: manifests that name files by their contents, so that versions share them."""
