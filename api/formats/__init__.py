"""Files of ratings that people bring and take away."""
