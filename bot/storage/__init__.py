"""What is kept: tables, one module of queries a table, and the database itself."""
