"""Routes: declare types and access, call one service function, return."""
