#ifndef SHAPES_H
#define SHAPES_H

double circle_area(double radius);
double square_area(double side);

#endif
