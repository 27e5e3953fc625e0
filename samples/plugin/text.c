#include "filter.h"

EXPORTED int swaps;

EXPORTED void swap(char *left, char *right) {
  char kept = *left;
  *left = *right;
  *right = kept;
  ++swaps;
}
