"""Reserved for running code and templates of users away from this process; holds nothing yet."""
