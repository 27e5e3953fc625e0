/* Prints a checksum: with a few lines of its own, or with printf and all that printf needs. */
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static const char text[] = "the bytes that are added up";

static uint32_t checksum(const char *bytes, int count) {
    uint32_t sum = 1, total = 0;
    for (int i = 0; i < count; i++) {
        sum = (sum + (unsigned char)bytes[i]) % 65521;
        total = (total + sum) % 65521;
    }
    return total << 16 | sum;
}

#ifdef FORMATTED
int main(void) { return printf("checksum %08x\n", (unsigned)checksum(text, sizeof text - 1)) < 0; }
#else
int main(void) {
    char line[] = "checksum 00000000\n";
    uint32_t sum = checksum(text, sizeof text - 1);
    for (int i = 0; i < 8; i++) line[9 + i] = "0123456789abcdef"[sum >> (28 - 4 * i) & 15];
    return write(1, line, sizeof line - 1) < 0;
}
#endif
