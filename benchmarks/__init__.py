"""Speed against other libraries and the machine's own limits; no part of the tests."""
