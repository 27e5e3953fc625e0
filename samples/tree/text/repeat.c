#include <string.h>

#include "text/text.h"

void repeat(char *line, char character, int count) {
    memset(line, character, count);
    line[count] = 0;
}
