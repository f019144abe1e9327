"""Pure functions and mocks: no engine, seconds."""
