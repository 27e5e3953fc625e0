#include "filter.h"

#include <string.h>

void swap(char *left, char *right); /* in the shared library */
extern int swaps;

static char name[32] = "reverse (plug-in ?, ? swaps)";

static void reverse(char *text) {
  size_t length = strlen(text);
  for (size_t i = 0; i < length / 2; ++i) swap(text + i, text + length - 1 - i);
  name[20] = (char)('0' + swaps);
}

EXPORTED void start_plugin(void) {
  name[17] = (char)('1' + filter_count);
  add_filter(name, reverse);
}
