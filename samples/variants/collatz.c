#include <stdio.h>
#include <stdlib.h>

int collatz(int n) {
    int steps = 0;
    for (long long x = n; x != 1; steps++)
        x = x % 2 ? 3 * x + 1 : x / 2;
    return steps;
}

#ifndef REACTOR
int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 27;
    printf("%d reaches 1 in %d steps\n", n, collatz(n));
    return 0;
}
#endif
