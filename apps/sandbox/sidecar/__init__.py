"""The process that runs the code and templates of users, away from everything else; needs only Python itself."""
