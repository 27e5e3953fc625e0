#include <stdio.h>

#include "shapes.h"

int main(void)
{
    printf("circle %.3f, square %.3f\n", circle(2.0), square(3.0));
    return 0;
}
