"""`argosmo workflow`: one file for each kind of verb."""
