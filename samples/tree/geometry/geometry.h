int rectangle_area(int width, int height);
int box_volume(int width, int height, int depth);
