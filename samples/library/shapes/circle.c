#include "shapes.h"

#include <math.h>

double circle_area(double radius) { return acos(-1.0) * pow(radius, 2.0); }
