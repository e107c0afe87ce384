"""The paper's three models, equation by equation."""
