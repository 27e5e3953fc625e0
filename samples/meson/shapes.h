double circle(double radius);
double square(double side);
