"""Files of questions and answers: read row by row, judged against what is there, and written. Pure."""
