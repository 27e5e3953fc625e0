void repeat(char *line, char character, int count);
