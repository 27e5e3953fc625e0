#include "filter.h"

#include <ctype.h>

/* The address of a function of another module: known only when this one is loaded. */
static int (*const volatile change)(int) = toupper;

static void shout(char *text) {
  for (; *text; ++text) *text = (char)change(*text);
}

EXPORTED void start_plugin(void) { add_filter("shout", shout); }
