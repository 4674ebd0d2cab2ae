"""The command line: one thin file a command. The only floor that prints or exits."""
