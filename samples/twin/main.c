#include <stdio.h>

int count_primes(int limit);

int main(void) {
#ifdef __wasm__
    const char *machine = "wasm";
#else
    const char *machine = "native";
#endif
    printf("%s: %d primes below %d\n", machine, count_primes(LIMIT), LIMIT);
    return 0;
}
