module argosmo/wrapper

go 1.24
