#include "geometry/geometry.h"

int rectangle_area(int width, int height) { return width * height; }
