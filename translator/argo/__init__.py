"""Argo's reading of a Plan: Workflows, Secrets, Services, PodGroups, and the receipt that says what became of what.

`translate` is the way in; `forms` writes the result down. Argo's own words (node, template, suspend) stay inside here.
"""
