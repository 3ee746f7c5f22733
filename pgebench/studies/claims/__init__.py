"""What PGE's paper claims of it in three words, stable, reliable and efficient, beside what the references measured."""
