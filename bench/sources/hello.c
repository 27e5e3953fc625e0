#include <stdio.h>

int main(int argc, char **argv) {
  printf("hello from %s, %d argument(s)\n", argc ? argv[0] : "nowhere", argc);
  return 0;
}
