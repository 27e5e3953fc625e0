#include "filter.h"

#include <stdio.h>
#include <stdlib.h>

static struct {
  const char *name;
  filter *apply;
} filters[8];
int filter_count;

void add_filter(const char *name, filter *apply) {
  filters[filter_count].name = name;
  filters[filter_count++].apply = apply;
}

/* Memory for a module's data. */
void *reserve(size_t size, size_t alignment) {
  return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void run(void) {
  char text[] = "mountains";
  for (int i = 0; i < filter_count; ++i) {
    filters[i].apply(text);
    printf("%s: %s\n", filters[i].name, text);
  }
  fflush(stdout);
}
