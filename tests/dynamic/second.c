#include "program.h"

static int state = 20, made;
static int uses_weak(int number) { return overridden(number) + first_of_two(number); }

PUBLIC struct node second_node = {&state, uses_weak, 0};
PUBLIC int plus_state(int number) { return number + state; }
WEAK int first_of_two(int number) { return number + 20; }
PUBLIC int constructed(void) { return made; }

__attribute__((constructor)) static void make(void) { made = *second_node.value + first_numbers[0]; }
