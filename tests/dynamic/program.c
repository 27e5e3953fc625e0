#include "program.h"

PUBLIC int log_count = 1;
PUBLIC int twice(int number) { return 2 * number; }
PUBLIC int overridden(int number) { return number + 1000; }

static int thrice(int number) { return 3 * number; }
static int own = 5;

/* Addresses of this module's things, and of both libraries'. */
static struct node mine = {&own, thrice, &first_node};
static struct node next = {&first_numbers[2], plus_state, &mine};
static const char *const text[] = {"main", "program"};

PUBLIC int data_pointers(void) { return *next.value * 10 + *next.next->value; }
PUBLIC int function_pointers(void) { return next.apply(1) * 100 + next.next->apply(2); }
PUBLIC int list(void) { return through_list(&next, 1); }
PUBLIC int chosen(int which) { return choose(which)(7); }
PUBLIC int same_address(void) { return choose(1) == plus_state && &first_node == mine.next; }
PUBLIC int weak_functions(void) { return overridden(1) * 10 + first_of_two(1); }
PUBLIC int weak_missing(void) { return !missing && !&missing_data; }
PUBLIC int library_data(void) { return first_numbers[1] = ++log_count; }
PUBLIC int constructors(void) { return constructed(); }
PUBLIC int letter(int index) { return text[index & 1][0]; }
