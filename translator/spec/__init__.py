"""The spec as written: from the text of a YAML file to a checked model, or to everything that is wrong with it.

`parse.parse` is the way in, `model` the result; `bundle` is the client's half, `dump` the way out.
"""
