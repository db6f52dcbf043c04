"""The configuration: its schema, the resolvers, what makes two runs the same, and the command line."""
