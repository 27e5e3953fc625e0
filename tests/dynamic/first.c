#include "program.h"

PUBLIC int first_numbers[4] = {1, 2, 3, 4};
static int zeros[100];
static int first_of(int number) { return number + first_numbers[0]; }
static function *const functions[] = {twice, plus_state, first_of};

PUBLIC struct node first_node = {&first_numbers[3], first_of, &second_node};
PUBLIC function *choose(int which) { return functions[which]; }
PUBLIC int through_list(struct node *node, int number) {
  for (; node; node = node->next) number = node->apply(number) + *node->value;
  zeros[99] += log_count;
  return number + zeros[99];
}
WEAK int overridden(int number) { return number + 2000; }
WEAK int first_of_two(int number) { return number + 10; }
