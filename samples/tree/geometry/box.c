#include "geometry/geometry.h"

/* The program does not need this member of the library: changing it links nothing anew. */
int box_volume(int width, int height, int depth) { return rectangle_area(width, height) * depth; }
