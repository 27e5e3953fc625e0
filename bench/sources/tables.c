// A game of life with tables that are mostly zeros, and its output.
#include <stdio.h>
#include <string.h>

enum { WIDTH = 512, HEIGHT = 512 };

struct rule {
  int alive[9], dead[9];
  const char *name;
};

static struct rule rules[64] = {
    [0] = {.alive = {[2] = 1, [3] = 1}, .dead = {[3] = 1}, .name = "life"},
    [40] = {.alive = {[2] = 1, [3] = 1}, .dead = {[3] = 1, [6] = 1}, .name = "high life"},
};
static unsigned char field[HEIGHT][WIDTH] = {
    [100] = {[101] = 1}, [101] = {[102] = 1}, [102] = {[100] = 1, [101] = 1, [102] = 1},
};
static int costs[4096] = {[17] = 3, [1024] = 5, [4000] = 9};

static int neighbours(int y, int x) {
  int sum = 0;
  for (int i = -1; i <= 1; i++)
    for (int j = -1; j <= 1; j++)
      sum += (i || j) && field[(y + i + HEIGHT) % HEIGHT][(x + j + WIDTH) % WIDTH];
  return sum;
}

int main(void) {
  static unsigned char next[HEIGHT][WIDTH];
  for (int turn = 0; turn < 4; turn++) {
    for (int y = 0; y < HEIGHT; y++)
      for (int x = 0; x < WIDTH; x++)
        next[y][x] = (field[y][x] ? rules[0].alive : rules[0].dead)[neighbours(y, x)];
    memcpy(field, next, sizeof field);
  }
  long alive = 0, cost = 0;
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      alive += field[y][x];
  for (int i = 0; i < 4096; i++)
    cost += costs[i];
  printf("%s: %ld alive, cost %ld\n", rules[0].name, alive, cost);
  return 0;
}
