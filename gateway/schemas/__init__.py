"""What crosses HTTP, as types that server and command line share; needs pydantic and the translator's words only."""
