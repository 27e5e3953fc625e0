#include <stdio.h>

#include "geometry/geometry.h"
#include "text/text.h"

int main(void) {
    char line[40];
    repeat(line, '-', rectangle_area(3, 4));
    printf("%s\n%d by %d has %d\n", line, 3, 4, rectangle_area(3, 4));
    return 0;
}
