#include <stdio.h>

int main(int argc, char **argv) {
  printf("Hello from %s, with %d argument%s.\n", "WebAssembly", argc - 1, argc == 2 ? "" : "s");
  return 0;
}
