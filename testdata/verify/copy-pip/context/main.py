import polite
