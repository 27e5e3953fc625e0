/* A program and two libraries: the first one needs the second, and each calls into the others. */

#define PUBLIC __attribute__((visibility("default")))
#define WEAK __attribute__((weak, visibility("default")))

typedef int function(int);
struct node {
  int *value;
  function *apply;
  struct node *next;
};

/* program.c */
extern int log_count;
int twice(int number);

/* first.c */
extern struct node first_node;
extern int first_numbers[4];
function *choose(int which);
int through_list(struct node *node, int number);

/* second.c */
extern struct node second_node;
int plus_state(int number);
int constructed(void);

/* Weak definitions: the program's own is strong, the libraries' are both weak. */
int overridden(int number);
int first_of_two(int number);

/* Nothing defines these. */
WEAK int missing(int number);
extern WEAK int missing_data;
